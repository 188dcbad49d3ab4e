"""The small module that every chapter of the book imports.

Each function of a method is first written in the open in a chapter; its docstring names that chapter.
The package is flat, and imports point downward only:

    checks      what a value must be, said in one place
    softening   soften, entropy, class_profiles                     (chapter 01)
    data        MNIST, CIFAR-10 and chest X-rays as uint8 tensors; stands on
                bundle (what travels with kdlib), whole, cifar10, chest_xray, cache, download
    progress    one bar for everything that takes long
    models      the networks of the book
    pretrained  the weights that ship with the book
    numbers     how numbers are written for people
    plots       one style for every figure
    widgets     sliders that work with and without a kernel; draws with temperature_picture
    notebook    the line that each notebook starts with
    digests     digests of code, for the stamps of the notebooks
    cli         python -m kdlib
"""

__version__ = "0.1.0"
