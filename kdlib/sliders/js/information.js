// What the teacher is told: its logloss, and what its student gains.
// needs axes.js

kd.verdict = ({ low, high }) => (low > 0 ? "more than nothing" : high < 0 ? "less than nothing" : "no gain detected");

kd.sliders.information = ({ told, start }) => {
  const last = told.length - 1;
  const run = told.filter(({ gain }) => gain !== null);
  const ends = [Math.min(0, ...run.map(({ low }) => low)), Math.max(0, ...run.map(({ high }) => high))];
  const room = 0.05 * (ends[1] - ends[0]) || 1;
  const [left, right] = [34, 308];
  const panel = (low, high) => {
    const y = kd.round(low, high, 2).map((value) => [value]);
    return kd.axes({ left, right, top: 26, floor: 106, x: [0, last], y: [low, high], marks: { y } });
  };
  const teachers = panel(0, 1.05 * Math.max(...told.map(({ teacher }) => teacher)) || 1);
  const gains = panel(ends[0] - room, ends[1] + room);
  const guide = (index) => kd.line(`M${kd.f(teachers.across(index))},22V114`, "kd-guide kd-faint");
  const found = ({ gain, low, high }) => {
    return gain === null ? "not run" : `${kd.signed(gain, 1)} (${kd.signed(low, 1)} to ${kd.signed(high, 1)})`;
  };
  const said = (each) => (each.gain === null ? "not run" : `${found(each)} thousandths: ${kd.verdict(each)}`);

  function teacherPicture(index) {
    const { name, teacher } = told[index];
    const points = told.map((each, i) => [teachers.across(i), teachers.up(each.teacher)]);
    return kd.picture(
      114,
      `Teacher’s logloss at ${name}: ${teacher.toFixed(3)}`,
      kd.text(0, 14, `Teacher’s logloss ${teacher.toFixed(3)}`, "kd-head"),
      teachers.grid,
      guide(index),
      kd.curve(points, "kd-teacher"),
      points.map(([x, y], i) => kd.dot(x, y, i === index ? 7 : 3, "kd-teacher")),
    );
  }

  function gainPicture(index) {
    const one = ({ gain, low, high }, i) => {
      const x = kd.f(gains.across(i));
      if (gain === null) return kd.text(x, gains.up(0) + 4, "×", "kd-middle");
      const span = `M${x},${kd.f(gains.up(high))}V${kd.f(gains.up(low))}`;
      return [
        i === index ? kd.line(span, "kd-span kd-here") : "",
        kd.line(span, "kd-span"),
        kd.dot(x, gains.up(gain), i === index ? 6 : 3.5, "kd-distilled"),
      ].join("");
    };
    return kd.picture(
      114,
      `Student’s gain in thousandths of a nat at ${told[index].name}: ${said(told[index])}`,
      kd.text(0, 14, `Student’s gain ${found(told[index])}`, "kd-head"),
      gains.grid,
      guide(index),
      told.map(one),
    );
  }

  function draw({ index }) {
    const { name, teacher } = told[index];
    return {
      pictures: { teacher: teacherPicture(index), gain: gainPicture(index) },
      said: `Dwell time: <b>${kd.escape(name)}</b>. Teacher’s logloss ${teacher.toFixed(3)}; the student’s gain
        ${said(told[index])}.`,
      values: { index: `${name}: teacher ${teacher.toFixed(3)}, gain ${said(told[index])}` },
    };
  }

  return {
    layout: [["teacher"], ["gain"], ["index"], ["said", "buttons"]],
    tracks: {
      index: kd.track({
        left, right, above: true, label: "what dwell time tells", low: 0, high: last, step: 1,
        head: ({ index }) => `Dwell time: ${told[index].name}`,
        marks: [[0, kd.cut(told[0].name, 18)], [last, kd.cut(told[last].name, 18), "kd-end"]],
      }),
    },
    buttons: [kd.reset(`Back to ${told[start.index].name}`, start)],
    draw,
  };
};
