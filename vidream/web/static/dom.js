// Small helpers.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function toast(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  if ([...$("toasts").children].some((other) => other.textContent === text)) return;
  const line = make("p", { textContent: text });
  $("toasts").append(line);
  setTimeout(() => line.remove(), 6000);
}

export function download(url, name) {
  make("a", { href: url, download: name }).click();
}

export function stamp() {
  return new Date().toISOString().slice(0, 19).replace("T", "-").replaceAll(":", "");
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
