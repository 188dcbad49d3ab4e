// A text that the reader types, out of some characters; what will not do is refused in words.

// A character in words where it would not be seen.
kd.named = (sign) => {
  const code = sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return { " ": "space", "\n": "new line" }[sign] ?? (/[\p{C}\p{Z}\p{M}]/u.test(sign) ? `U+${code}` : sign);
};

// What is wrong with a text, and what to do about it; nothing where all is well.
kd.refused = (text, label, characters, most) => {
  const strange = [...text].find((sign) => !characters.includes(sign));
  if (strange) {
    const known = `is none of the ${characters.length} characters that the models know`;
    return `“${kd.named(strange)}” ${known}. Leave it out, or write it otherwise.`;
  }
  if (!text) return `The ${label} is empty. Type one character at least.`;
  return text.length > most ? `The ${label} has ${kd.count(text.length)} characters. Leave at most ${most}.` : "";
};

// The field of setting `name`, which stands in the picture of that name. `judged` hears what is wrong with what was typed,
// or nothing; `changes(text)` are the settings that follow from a text that will do. `follow` shows a setting's text.
kd.field = ({ name, label, characters, most, judged, changes }) => {
  let [area, shown, problem] = [null, null, ""];
  function judge(words) {
    judged((problem = words));
    area.setAttribute("aria-invalid", Boolean(words));
  }
  function fill(text) {
    area.value = shown = text;
    judge("");
  }
  function attach({ one, choose, later, tell }) {
    const quiet = 'spellcheck="false" autocomplete="off" data-lm-suppress-shortcuts';
    one(name).innerHTML = `<label>${label} <textarea rows="2" ${quiet}></textarea></label>`;
    area = one(name).querySelector("textarea");
    area.addEventListener("input", () => {
      const text = area.value.replace(/[‘’]/g, "'"); // which phones write by themselves
      const before = problem;
      judge(kd.refused(text, name, characters, most));
      if (!problem) choose(changes((shown = text)));
      if (problem === before) later();
      else tell();
    });
  }
  return { attach, fill, follow: (text) => text === shown || fill(text) };
};
