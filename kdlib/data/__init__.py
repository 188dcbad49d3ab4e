"""MNIST, CIFAR-10, chest X-rays and made-up clicks, as tensors.

dataset         Dataset, load, hold_out: what every chapter uses
bundle          the images that travel with kdlib
full            full data sets: download, cache, verify; with cifar10, chest_xray, download, cache
augment         random changes of images
clicks          clicks with a feature that exists only after the click
text            Shakespeare as windows of characters
transfer_sets   images of other kinds to ask a teacher about
"""

from kdlib.data.dataset import CLASSES as CLASSES
from kdlib.data.dataset import SCALES as SCALES
from kdlib.data.dataset import SPLITS as SPLITS
from kdlib.data.dataset import Dataset as Dataset
from kdlib.data.dataset import digest as digest
from kdlib.data.dataset import hold_out as hold_out
from kdlib.data.dataset import load as load
from kdlib.data.dataset import resize as resize
