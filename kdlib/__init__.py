"""The small module that every chapter of the book imports. A room is a folder, or a file where one is enough.

The method, softening first, which all else grows from; it knows nothing of what stands below the line but
the helpers of everyone. For an evening: softening, losses (kd, rows), objectives (classic), training (loop,
recipes, schedules, batches), evaluation (metrics, statistics). The rest of these rooms is there when needed.

    softening     soften, entropy, class_profiles: what a temperature does          (chapter 01)
    losses        the distillation term, Hinton's loss, other divergences           (02, 07)
    objectives    what is minimised: functions of a model and a batch               (03, 06, 07)
    models        the networks of the book
    training      the loop; recipes, schedules, checkpoints                         (03)
    evaluation    metrics, statistics, fidelity, Grad-CAM                           (03, 05, 08)
    caching       a teacher's answers in files, asked for once                      (04, 10)
    distributed   one training by several processes                                 (10)
    ship          a trained model as an ONNX file, in float32 and int8              (09)
    data          MNIST, CIFAR-10, X-rays and clicks as tensors, ways to change them
    ---------------------------------------------------------------------------------
    pretrained    the weights and teachers' answers that travel with kdlib
    plots         figures in one style
    results       means, differences and intervals in words, for tables
    sliders       sliders that move with and without a kernel
    check         exercises that answer back, and the mistakes they know
    grade         learners' notebooks, run in a sandbox and marked
    experiments   which runs the chapters have, how they are run, and their records
    notebook, cli what each notebook starts with; python -m kdlib
    checks, files, numbers, progress: helpers of everyone

Which room may import which stands in pyproject.toml, floor by floor, and `make lint` looks.
"""

__version__ = "0.1.0"
