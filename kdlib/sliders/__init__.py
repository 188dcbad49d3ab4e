"""Sliders that move in the built page without a kernel, and in Jupyter linked to Python.

    temperature         softmax(z / T) and its entropy                             (chapter 01)
    loss                T and alpha over the loss of one example                   (chapter 02)
    errors              what two students' errors depend on, paired by seed         (chapter 03)
    answers             what two or three models answer to the same images         (chapters 04, 05)
    threshold           the mistakes of up to three models at a threshold          (chapter 05)
    information         what the teacher is told, and what its student gains       (chapter 06)
    schedules           when the teacher's term counts                             (chapter 06)
    digits, xrays       networks that answer in the page to a drawing, to an image (chapter 09)
    omitted             two networks that train in the page without a class, and a bias
    mixture             forward and reverse divergence of one bell beside two       (chapter 11)
    writer              two students that write from a prompt, and their teacher    (chapter 11)
    playground          a student alone and one with a teacher train in the page on points of the plane
    roulette            what a paper with few of the recorded runs would claim     (chapter 08)
    slider, inputs      what they share: the widget and its table; what they accept
    scripts, stored     the modules that a slider needs; models as the page's scripts bring them
    js                  each slider's arithmetic and drawing, on a small kit; `page.js` serves the built page

A function here checks its arguments and hands data and settings to JavaScript. It also writes the table
that is shown where nothing runs: without JavaScript, in print, on GitHub, in a notebook not yet run.
"""

from kdlib.sliders.answers import answers_slider as answers_slider
from kdlib.sliders.digits import digits_slider as digits_slider
from kdlib.sliders.errors import Pair as Pair
from kdlib.sliders.errors import errors_slider as errors_slider
from kdlib.sliders.information import Told as Told
from kdlib.sliders.information import information_slider as information_slider
from kdlib.sliders.loss import loss_slider as loss_slider
from kdlib.sliders.mixture import mixture_slider as mixture_slider
from kdlib.sliders.omitted import omitted_slider as omitted_slider
from kdlib.sliders.playground import playground_slider as playground_slider
from kdlib.sliders.roulette import seed_roulette as seed_roulette
from kdlib.sliders.schedules import schedule_slider as schedule_slider
from kdlib.sliders.temperature import temperature_slider as temperature_slider
from kdlib.sliders.threshold import threshold_slider as threshold_slider
from kdlib.sliders.writer import writer_slider as writer_slider
from kdlib.sliders.xrays import xrays_slider as xrays_slider
