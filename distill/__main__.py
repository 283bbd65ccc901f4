"""`python -m distill`: the distillation of synthetic sets."""

from reproduce.processes import importing

if __name__ == "__main__":
    with importing():
        from distill.command import distill
        from reproduce.application import application, run
    run(application(distill, help="Distil synthetic training images."))
