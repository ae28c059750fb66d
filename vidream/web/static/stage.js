// The picture: draws dreams, shows the camera while a key or button is held, saves, fills the screen.

import { $, download, stamp } from "./dom.js";

export class Stage {
  #element = $("stage");
  #canvas = $("dream");
  #context = this.#canvas.getContext("2d", { alpha: false });
  #next = null;
  #drawing = false;
  #times = [];
  onFirst = () => {};
  canCompare = () => false;

  constructor() {
    const hold = $("before");
    for (const element of [hold, this.#element.querySelector(".frame")]) {
      element.addEventListener("pointerdown", (event) => event.isPrimary && this.before(true));
    }
    for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => this.before(false));
    this.#element.addEventListener("contextmenu", (event) => event.preventDefault());
    hold.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && this.before(true));
    hold.addEventListener("keyup", () => this.before(false));
    $("snap").onclick = () => this.save();
    $("full").onclick = () => this.fill();
  }

  // Show a JPEG. Of several that come while one is decoded, only the newest.
  async show(jpeg) {
    this.#next = jpeg;
    if (this.#drawing) return;
    this.#drawing = true;
    while (this.#next) {
      const data = this.#next;
      this.#next = null;
      try {
        this.#draw(await createImageBitmap(new Blob([data], { type: "image/jpeg" })));
      } catch {
        // A picture that does not decode is skipped; the next one comes soon.
      }
    }
    this.#drawing = false;
  }

  #draw(bitmap) {
    const { width, height } = bitmap;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#element.classList.add("has-dream");
    this.#times.push(performance.now());
    this.#times.splice(0, Math.max(0, this.#times.length - 30));
    this.#canvas.dataset.pictures = Number(this.#canvas.dataset.pictures ?? 0) + 1;
    this.onFirst();
  }

  get shownPerSecond() {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    return this.#times.length > 1 ? (1000 * (this.#times.length - 1)) / (last - first) : 0;
  }

  before(held) {
    const on = held && this.canCompare();
    this.#element.classList.toggle("is-before", on);
    $("before").classList.toggle("is-held", on);
    $("badge").hidden = !on;
  }

  save() {
    if (!$("snap").disabled) this.#canvas.toBlob((blob) => download(URL.createObjectURL(blob), `dream-${stamp()}.png`), "image/png");
  }

  async fill() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.#element.requestFullscreen?.();
  }
}

const veil = $("veil");

// Shown in place of a picture: a title, a line, and buttons.
export function showVeil({ title, text = "", busy = false, again = "", choose = false, token = false }) {
  veil.hidden = false;
  veil.classList.toggle("is-busy", busy);
  $("veil-title").textContent = title;
  $("veil-text").textContent = text;
  $("veil-again").textContent = again;
  $("veil-again").hidden = !again;
  $("veil-choose").hidden = !choose;
  $("token-form").hidden = !token;
  $("stage").classList.add("is-dim");
  if (token) $("token").focus();
}

export function hideVeil() {
  veil.hidden = true;
  $("stage").classList.remove("is-dim");
}
