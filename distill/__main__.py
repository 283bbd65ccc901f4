"""`python -m distill`: the distillation of synthetic sets."""

from distill.command import distill
from reproduce.application import application, run

if __name__ == "__main__":
    run(application(distill, help="Distil synthetic training images."))
