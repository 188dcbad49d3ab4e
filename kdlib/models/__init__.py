"""The networks of the book.

pictures      networks of images, each a function that returns a plain nn.Sequential
modes         a model in evaluation mode for a while
transformer   a decoder that writes text, character after character. Chapter 11
"""

from kdlib.models.modes import evaluated as evaluated
from kdlib.models.pictures import VGG_HALF_WIDTH as VGG_HALF_WIDTH
from kdlib.models.pictures import VGG_LARGE as VGG_LARGE
from kdlib.models.pictures import VGG_QUICK as VGG_QUICK
from kdlib.models.pictures import VGG_SMALL as VGG_SMALL
from kdlib.models.pictures import Expects as Expects
from kdlib.models.pictures import initialised as initialised
from kdlib.models.pictures import lenet5 as lenet5
from kdlib.models.pictures import mlp as mlp
from kdlib.models.pictures import resnet18 as resnet18
from kdlib.models.pictures import vgg as vgg
from kdlib.models.pictures import xray_student as xray_student
from kdlib.models.transformer import Decoder as Decoder
from kdlib.models.transformer import transformer as transformer
from kdlib.models.transformer import write as write
