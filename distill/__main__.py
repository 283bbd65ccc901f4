"""`python -m distill`: the distillation of synthetic sets."""

from reproduce.support.processes import importing

if __name__ == "__main__":
    with importing():
        from distill.command import distill
        from reproduce.commands.application import application, run
    run(application(distill, help="Distil synthetic training images."))
