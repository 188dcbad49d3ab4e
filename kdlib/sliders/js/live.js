// Training or writing that a reader watches: it is run, stopped and stepped by buttons, some milliseconds in each frame.
// What comes out is a function of the settings, however the steps are spread over frames. Setting `steps` is how many are
// wanted.

kd.work = 12; // milliseconds of it in a frame, so that the page still moves

// What a slider hands over:
//   stored, weights   names of stored files, and in Jupyter their texts; read(...tensors) makes of them what `set` then is
//   last(setting)     steps of a whole run; `every` so many are measured; `pace` are the most in a frame; `rate` is said
//   key(setting)      what a run depends on: with another key it begins anew
//   begin(setting)    a run: { advance, nets } and what the slider adds; `step`, `history` and `broken` are put to it
//   measure(run)      how the networks do, for the history; words(setting) is said before and after a run
//   shown(run, all)   what is painted in a frame by itself, the whole of it where training rests
//   idle()            whether a run that has no step yet is wanted, too
//   doing             what is said of a run at work, before its steps
kd.live = (options) => {
  const { stored, weights = {}, read, last, every = Infinity, rate, pace = Infinity, key, begin } = options;
  const { measure = () => null, words, shown, idle = () => false, doing = "Training: step" } = options;
  Object.assign(kd.stored, weights);
  // The settings that training follows, the frame that was asked for, and where screen readers hear the end.
  let [wanted, frame, said] = [null, 0, {}];
  // `problem` says why nothing can be done, as where there is no set, which is what was read of the files.
  const live = { problem: "", set: null, run: null, repaint: () => {}, follow, told, attach, buttons };

  const measured = () => live.run.history.at(-1)?.step === live.run.step;
  const due = ({ steps }) => !measured() && (live.run.step % every === 0 || live.run.step === steps);
  const stale = (setting) => live.run?.key !== key(setting) || live.run.step > setting.steps;
  function busy(setting) {
    const { run, problem } = live;
    return !problem && setting.steps > 0 && (stale(setting) || (!run.broken && (run.step < setting.steps || !measured())));
  }
  const note = () => live.run.history.push({ step: live.run.step, of: measure(live.run) });

  // Some milliseconds of training, or one measurement, which may take as long; and painted when there is something new.
  function tick() {
    frame = 0;
    if (!said.closest(".kd-slider") || !busy(wanted)) return; // the view was disposed of, or stopped
    const { run } = live;
    const [until, most] = [performance.now() + kd.work, run.step + pace];
    const measuring = due(wanted);
    if (measuring) note();
    while (!measuring && busy(wanted) && !due(wanted) && run.step < most && performance.now() < until) {
      run.advance();
      run.step += 1;
      run.broken = run.nets?.some((net) => Number.isNaN(net[1].bias[0])); // where one is, all soon are
    }
    if (!measuring) shown?.(run, due(wanted) || run.broken);
    if (measuring || run.broken) live.repaint();
    if (busy(wanted)) ask();
    else said.textContent = told(wanted);
  }
  const ask = () => (frame ||= requestAnimationFrame(tick));

  // What the settings ask for: nothing, the files, or training from the start or from where it is.
  function follow(setting) {
    wanted = setting;
    if (!setting.steps && !idle()) live.run = null;
    else if (!stored.every((name) => kd.stored[name]) && !live.problem) {
      const failed = ({ message }) => (live.problem = said.textContent = `${message}. Reload the page with a network.`);
      Promise.all(stored.map(kd.fetched)).catch(failed).then(() => live.repaint());
    } else if (!live.problem) {
      live.set ??= read(...stored.map((name) => kd.tensors(kd.stored[name])));
      if (stale(setting)) {
        live.run = { key: key(setting), step: 0, history: [], broken: false, ...begin(setting) };
        if (idle()) note();
      }
      shown?.(live.run, true);
      if (busy(setting)) ask();
    }
  }

  // What is said of a run that works or cannot, and else by the slider.
  function told(setting) {
    const { run, problem } = live;
    if (problem) return problem;
    if (run?.broken) return `At step ${run.step} a weight became NaN: the learning rate ${rate} is too large here.`;
    if (run && busy(setting)) return `${doing} ${kd.count(run.step)} of ${kd.count(setting.steps)}.`;
    return words(setting);
  }

  function attach({ one, later }) {
    [live.repaint, said] = [later, one("live")];
  }
  // At once, for a frame of training may come before the next picture.
  function at(setting, steps) {
    wanted = { ...setting, steps };
    return { steps };
  }
  function press(setting) {
    const { run } = live;
    if (busy(setting)) return at(setting, run?.step ?? 0);
    if (run?.broken || run?.step >= last(setting)) live.run = null; // once more from the beginning
    live.repaint();
    return { steps: last(setting) };
  }
  function buttons(reset, seeds, more = [], [train, step, seed] = ["Train", "Step", "New seed"]) {
    const again = (setting) => (live.run?.step >= last(setting) ? `${train} again` : train);
    return [
      { words: (setting) => (busy(setting) ? "Stop" : again(setting)), press },
      { words: () => step, press: (setting) => at(setting, kd.clamp((live.run?.step ?? 0) + 1, 1, last(setting))) },
      { words: () => seed, press: (setting) => ({ seed: (setting.seed + 1) % seeds, steps: last(setting) }) },
      ...more, reset,
    ];
  }
  return live;
};
