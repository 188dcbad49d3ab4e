"""The small module that every chapter of the book imports.

Each function of a method is first written in the open in a chapter; its docstring names that chapter.
The package is flat, and imports point downward only:

    checks, numbers     what a value must be; how numbers are written for people
    softening           soften, entropy, class_profiles                         (chapter 01)
    losses              the distillation term, Hinton's loss                    (chapter 02)
    data                MNIST, CIFAR-10 and chest X-rays as uint8 tensors; stands on
                        bundle, whole, cifar10, chest_xray, cache, download
    models, pretrained  the networks of the book; the weights that ship with it
    metrics, statistics how good answers are; what several seeds say together
    objectives          what is minimised
    training            the loop; with schedules, augment, devices, checkpoints, progress
    ledger, runner      records of runs; running what has no record yet
    *_experiments       which runs a chapter has
    plots, sliders      figures in one style; sliders that work with and without a kernel
    notebook, cli       the line that each notebook starts with; python -m kdlib
"""

__version__ = "0.1.0"
