// Progressive enhancement of the pages: typeset formulas, search as you type, copy, and the Mini App.
const typeset = () => {
  if (!window.katex) return;
  for (const place of document.querySelectorAll(".tex")) {
    const shown = place.textContent;
    try {
      window.katex.render(place.dataset.tex, place, { displayMode: "display" in place.dataset, strict: false });
      if (place.scrollWidth > place.clientWidth) place.tabIndex = 0; // scrolled by keyboard too
    } catch {
      place.textContent = shown;
    }
  }
};
typeset();

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = document.body.dataset.copied;
});

const input = document.getElementById("q");
const found = document.getElementById("found");
const pageOf = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
let waiting, latest = 0;

if (found) {
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const mine = ++latest, address = `/search?${new URLSearchParams(new FormData(input.form))}`;
      const answer = await fetch(address);
      if (!answer.ok || mine !== latest) return;
      const page = await pageOf(answer);
      if (mine !== latest) return;
      found.replaceChildren(...page.getElementById("found").childNodes);
      history.replaceState(null, "", address); // the way back leads to these results
      decorate();
    }, 150);
  });
}

// Telegram gives a Mini App its signed data in the fragment of the first page.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("tgWebAppData")) sessionStorage.setItem("initData", fragment.get("tgWebAppData"));
const initData = sessionStorage.getItem("initData");
let state = null;

const ask = async (action, values = {}) => {
  const answer = await fetch(`/api/${action}`, {
    method: "POST", headers: { "X-Init-Data": initData, "Content-Type": "application/json" }, body: JSON.stringify(values),
  });
  if (!answer.ok) return null;
  const given = await answer.json();
  if (given.read) { state = given; decorate(); }
  return given;
};

const press = (button, on) => { button.hidden = false; button.setAttribute("aria-pressed", String(on)); };

function decorate() {
  if (!state) return;
  const read = new Set(state.read), saved = new Set(state.saved), wanted = new Set(state.subscribed);
  for (const item of document.querySelectorAll("li[data-post]")) item.classList.toggle("read", read.has(Number(item.dataset.post)));
  for (const item of document.querySelectorAll("li[data-posts]")) {
    const bar = item.querySelector("progress");
    bar.value = item.dataset.posts.split(" ").filter((id) => read.has(Number(id))).length;
    bar.hidden = false;
  }
  const bar = document.querySelector("[data-progress]");
  if (bar) { bar.value = document.querySelectorAll("li.read").length; bar.hidden = false; }
  const next = document.querySelector("[data-continue]");
  const unread = document.querySelector("li[data-post]:not(.read) a");
  if (next && unread) { next.href = unread.href; next.hidden = false; }
  const post = Number(document.querySelector("article")?.dataset.post);
  for (const button of document.querySelectorAll("[data-mark]")) press(button, (button.dataset.mark === "read" ? read : saved).has(post));
  for (const button of document.querySelectorAll("[data-subscribe]")) press(button, wanted.has(Number(button.dataset.subscribe)));
}

// The personal page: the server renders it for a form with the signed data, and again after each change.
const main = document.getElementById("main");
const post = async (fields) => {
  const page = await pageOf(await fetch("/me", { method: "POST", body: new URLSearchParams(fields) }));
  main.replaceChildren(...page.getElementById("main").childNodes);
  main.querySelector("[role=status]")?.focus?.();
};
const invitation = document.getElementById("invitation");

const haptic = () => window.Telegram?.WebApp?.HapticFeedback?.selectionChanged();

if (initData) {
  document.querySelector("[data-mine]").hidden = false;
  const client = document.createElement("script");
  client.src = "https://telegram.org/js/telegram-web-app.js";
  client.addEventListener("load", () => {
    const app = window.Telegram?.WebApp;
    app?.ready();
    const colours = getComputedStyle(document.documentElement);
    const themed = ["bg", "text", "hint", "link", "secondary-bg"].every((name) => colours.getPropertyValue(`--tg-theme-${name}-color`));
    if (themed) document.documentElement.classList.add("telegram");
    if (location.pathname !== "/") { app?.BackButton?.show(); app?.BackButton?.onClick(() => history.back()); }
  });
  document.head.append(client);
  for (const button of document.querySelectorAll("[data-mark]")) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      const as = button.dataset.mark === "read" ? (on ? "read" : "unread") : on ? "saved" : "unsaved";
      haptic();
      ask("mark", { post: Number(document.querySelector("article").dataset.post), as });
    });
  }
  for (const button of document.querySelectorAll("[data-subscribe]")) {
    button.addEventListener("click", () => {
      haptic();
      const app = window.Telegram?.WebApp;
      if (app?.initDataUnsafe?.user?.allows_write_to_pm === false) app.requestWriteAccess?.();
      ask("subscribe", { scope: Number(button.dataset.subscribe), on: button.getAttribute("aria-pressed") !== "true" });
    });
  }
  ask("me");
  if (invitation) post({ init_data: initData, chat: invitation.dataset.chat });
  main.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || "download" in event.target.dataset) return;
    event.preventDefault();
    haptic();
    post([...new FormData(event.target)]);
  });
}
