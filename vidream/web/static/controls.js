// Looks, subjects, strength and guide: what is dreamed.

import { $, make, toast } from "./dom.js";

const MOST_SUBJECTS = 4;
const STRENGTH_PERIOD_MS = 100;

export class Controls {
  #link;
  #looks = [];
  #networks = {};
  #choices = { look: "", subjects: [], strength: 1 };
  #guideFile = null;
  #strengthTimer = 0;
  #mostBytes = Infinity;

  constructor(link) {
    this.#link = link;
    $("strength").oninput = () => this.#setStrength(Number($("strength").value));
    $("reset").onclick = () => link.say({ type: "reset" });
    $("guide-file").onchange = (event) => this.takeGuide(event.target.files[0]);
    $("guide-remove").onclick = () => this.#removeGuide();
    for (const tab of document.querySelectorAll("[data-tab]")) tab.onclick = () => openTab(tab.dataset.tab);
  }

  // Draw what this server offers; a page that comes back keeps its own choices.
  begin(hello) {
    const same = this.#looks.length > 0 && hello.looks.some((look) => look.name === this.#choices.look);
    this.#looks = hello.looks;
    this.#networks = hello.networks;
    this.#mostBytes = hello.limits.guide;
    if (!same) this.#choices = { ...hello.choices };
    this.#drawGallery();
    this.#showLook();
    if (same) {
      this.#send({ ...this.#choices });
      if (this.#guideFile && !hello.guide) this.takeGuide(this.#guideFile);
    }
  }

  #drawGallery() {
    $("gallery").replaceChildren(
      ...this.#looks.map(({ name, says, thumbnail }) => {
        const input = make("input", { type: "radio", name: "look", value: name, checked: name === this.#choices.look });
        input.onchange = () => this.#chooseLook(name);
        const picture = make("i");
        if (thumbnail) picture.append(make("img", { src: `/thumbnails/${encodeURIComponent(name)}.jpg`, alt: "", loading: "lazy" }));
        return make("label", { className: "look", title: says }, input, picture, make("span", { textContent: name }));
      }),
    );
  }

  // The subjects that the look's networks know.
  #known(kind) {
    return [...new Set((this.#current?.networks ?? []).flatMap((name) => this.#networks[name]?.[kind] ?? []))];
  }

  #drawChips() {
    const [groups, classes] = [this.#known("groups"), this.#known("classes")];
    const chips = groups.map((name) => this.#chip(name));
    const others = this.#subjects().filter((name) => !groups.includes(name));
    chips.push(...others.map((name) => this.#chip(name)));
    if (classes.length) {
      const more = make("select", { ariaLabel: "More subjects" }, make("option", { value: "", textContent: "more …" }));
      more.append(...classes.map((name) => make("option", { value: name, textContent: plain(name) })));
      more.onchange = () => {
        if (more.value) this.#addChip(more.value, more.parentElement);
        more.value = "";
      };
      chips.push(make("label", { className: "chip" }, more));
    }
    $("chips").replaceChildren(...chips);
  }

  #chip(name) {
    const input = make("input", { type: "checkbox", value: name, checked: this.#choices.subjects.includes(name) });
    input.onchange = () => this.#chooseSubjects(input);
    return make("label", { className: "chip" }, input, make("span", { textContent: plain(name) }));
  }

  #addChip(name, before) {
    let input = $("chips").querySelector(`input[value="${CSS.escape(name)}"]`);
    if (!input) {
      const chip = this.#chip(name);
      before.before(chip);
      input = chip.firstChild;
    }
    if (!input.checked) input.click();
  }

  #chooseLook(name) {
    this.#choices.look = name;
    this.#showLook();
    this.#send({ look: name, subjects: this.#subjects() });
  }

  #chooseSubjects(changed) {
    const chosen = [...$("chips").querySelectorAll("input:checked")].map((input) => input.value);
    if (chosen.length > MOST_SUBJECTS) {
      changed.checked = false;
      toast(`up to ${MOST_SUBJECTS} subjects at once`);
      return;
    }
    this.#choices.subjects = chosen;
    this.#send({ subjects: chosen });
  }

  // A look on other networks may not have the subjects that were chosen.
  #subjects() {
    const known = new Set([...this.#known("groups"), ...this.#known("classes")]);
    return this.#choices.subjects.filter((name) => known.has(name));
  }

  get #current() {
    return this.#looks.find((look) => look.name === this.#choices.look);
  }

  #showLook() {
    $("look-says").textContent = this.#current?.says ?? "";
    this.#drawChips();
    $("subject-hint").textContent = this.#known("groups").length
      ? "None chosen: the look's own subject."
      : "This look's network has no subjects to choose from.";
    $("gallery").querySelector(":checked")?.parentElement.scrollIntoView({ block: "nearest", inline: "center" });
  }

  #setStrength(strength) {
    this.#choices.strength = strength;
    $("strength-value").textContent = `${Math.round(100 * strength)} %`;
    this.#strengthTimer ||= setTimeout(() => {
      this.#strengthTimer = 0;
      this.#send({ strength: this.#choices.strength });
    }, STRENGTH_PERIOD_MS);
  }

  #send(choices) {
    this.#link.say({ type: "choose", ...choices });
  }

  async takeGuide(file) {
    $("guide-file").value = "";
    if (!file || !this.#link.isOpen) return;
    if (file.size > this.#mostBytes) return toast(`a guide may have ${Math.round(this.#mostBytes / 1e6)} MB; make it smaller`);
    $("guide-words").textContent = "Sending …";
    try {
      await this.#link.upload("guide", file);
      this.#guideFile = file;
      this.#showGuide(URL.createObjectURL(file));
    } catch (error) {
      toast(error.message);
      if (!this.#guideFile) this.#showGuide("");
      else $("guide-words").textContent = "The dream takes on its features.";
    }
  }

  #removeGuide() {
    this.#guideFile = null;
    this.#link.say({ type: "no guide" });
    this.#showGuide("");
  }

  #showGuide(url) {
    const picture = $("guide-picture");
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.hidden = $("guide-remove").hidden = !url;
    if (url) picture.src = url;
    else picture.removeAttribute("src");
    $("guide-words").textContent = url
      ? "The dream takes on its features."
      : "Drop a picture here, or choose one: the dream takes on its features.";
  }
}

// On a phone one group of controls is shown at a time.
export function openTab(name) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    $(tab.dataset.tab).classList.toggle("chosen", tab.dataset.tab === name);
  }
}

const plain = (name) => name.replaceAll("_", " ");
