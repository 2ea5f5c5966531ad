// Enhancements only: all pages work without this script.
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // City completion: a list box under the field, for keyboard and pointer.
  for (const input of all("[data-complete]")) {
    const list = Object.assign(document.createElement("ul"), { className: "options", id: input.id + "-options", hidden: true });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Cities");
    input.parentElement.append(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) input.setAttribute(name, value);
    let timer, requested = "", active = -1, request;
    const options = () => [...list.children];
    const close = () => { list.hidden = true; active = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
    const mark = (index) => {
      active = index;
      options().forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
      if (options()[index]) { input.setAttribute("aria-activedescendant", options()[index].id); options()[index].scrollIntoView({ block: "nearest" }); }
    };
    const choose = (option) => { input.value = option.dataset.value; requested = input.value; close(); };
    const complete = async () => {
      const text = input.value.trim();
      if (text === requested) return;
      requested = text;
      if (text.length < 2) return close();
      request?.abort();
      request = new AbortController();
      try {
        const response = await fetch(input.dataset.complete + "?q=" + encodeURIComponent(text), { signal: request.signal });
        if (!response.ok || requested !== text) return;
        list.innerHTML = await response.text();
        const any = list.children.length > 0 && document.activeElement === input;
        list.hidden = !any;
        active = -1;
        input.setAttribute("aria-expanded", String(any));
      } catch { /* Aborted or offline: the form works without completion. */ }
    };
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(complete, 120); });
    input.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      const count = options().length;
      if (event.key === "ArrowDown") { event.preventDefault(); mark((active + 1) % count); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark((active - 1 + count) % count); }
      else if (event.key === "Enter" && active >= 0) { event.preventDefault(); choose(options()[active]); }
      else if (event.key === "Escape") { event.preventDefault(); close(); }
    });
    list.addEventListener("pointerdown", (event) => { const option = event.target.closest("li"); if (option) { event.preventDefault(); choose(option); } });
    input.addEventListener("blur", () => setTimeout(close, 100));
  }

  // Keeps the check-out date after the check-in date.
  for (const arrive of all("input[name=check_in]")) {
    const leave = arrive.form?.elements.check_out;
    if (!leave) continue;
    const next = (day, count) => { const date = new Date(day + "T00:00:00Z"); date.setUTCDate(date.getUTCDate() + count); return date.toISOString().slice(0, 10); };
    arrive.addEventListener("change", () => {
      if (!arrive.value) return;
      leave.min = next(arrive.value, 1);
      if (!leave.value || leave.value <= arrive.value) leave.value = next(arrive.value, 2);
    });
  }

  // Filters are applied on change. On small screens they are initially closed.
  for (const form of all("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
    // Leaves empty fields out of the URL.
    form.addEventListener("formdata", ({ formData }) => { for (const [name, value] of [...formData]) if (value === "") formData.delete(name); });
  }
  if (matchMedia("(max-width: 62rem)").matches) all("details[data-open-wide]").forEach((details) => { details.open = false; });

  // Countdown in minutes, and in seconds during the last two minutes.
  for (const box of all("[data-until]")) {
    const until = Number(box.dataset.until), label = box.querySelector("span"), running = box.dataset.running;
    const tick = () => {
      const left = Math.floor((until - Date.now()) / 1000);
      if (left <= 0) { label.textContent = box.dataset.expired; return; }
      const rest = left >= 120 ? Math.ceil(left / 60) + " minutes" : left + " seconds";
      label.textContent = running + " · " + rest + " left";
      setTimeout(tick, left > 121 ? 5000 : 1000);
    };
    tick();
  }

  // The bank's own card field, in a frame of the bank (Stripe Elements): card details never reach this page. The bank's script is
  // deferred and has run by now, unless it could not be loaded.
  const bankElement = (form, box, element, busy) => {
    const wrong = box.querySelector("[data-wrong]");
    const fail = (text) => { wrong.textContent = text; wrong.hidden = false; };
    if (!window.Stripe) { form.addEventListener("submit", (event) => event.preventDefault()); return fail("The card form of the bank could not be loaded. Please allow scripts of the bank and reload the page."); }
    const select = form.querySelector("select[name=payment_method]");
    if (select) select.disabled = true;
    const token = select ? Object.assign(document.createElement("input"), { type: "hidden", name: "payment_method" }) : form.querySelector("input[name=payment_method]");
    if (select) form.append(token);
    const text = getComputedStyle(element);
    const bank = Stripe(box.dataset.key);
    const card = bank.elements().create("card", { hidePostalCode: true, style: { base: { color: text.color, fontFamily: "Inter, system-ui, sans-serif", fontSize: text.fontSize } } });
    card.mount(element);
    card.on("change", () => { wrong.hidden = true; });
    form.addEventListener("submit", async (event) => {
      if (token.value) return;
      event.preventDefault();
      if (!form.reportValidity()) return;
      busy(true);
      try {
        const { paymentMethod, error } = await bank.createPaymentMethod({ type: "card", card });
        if (error || !paymentMethod) { busy(false); return fail(error?.message ?? "The bank does not accept this card."); }
        token.value = paymentMethod.id;
        form.requestSubmit();
      } catch { busy(false); fail("The bank is currently unavailable. Nothing was charged: please try again."); }
    });
  };

  // Sends card details to the sandbox bank, which returns a token. Only the token is submitted with the form.
  for (const form of all("form[data-pay]")) {
    const box = form.querySelector("[data-tokenise]"), fields = box?.querySelector("[data-card]");
    const submit = form.querySelector(".pay-line .button");
    const busy = (on) => { submit.disabled = on; submit.setAttribute("aria-busy", String(on)); };
    addEventListener("pageshow", () => busy(false));
    const element = box?.querySelector("[data-element]");
    if (element) { addEventListener("DOMContentLoaded", () => bankElement(form, box, element, busy)); continue; }
    if (!fields || !box.dataset.tokenise) { form.addEventListener("submit", () => setTimeout(() => busy(true))); continue; }
    const [number, expiry, cvc] = ["#card-number", "#card-expiry", "#card-cvc"].map((id) => fields.querySelector(id));
    const wrong = fields.querySelector("[data-wrong]");
    const fail = (text, at = number) => { wrong.textContent = text; wrong.hidden = false; at.setAttribute("aria-invalid", "true"); at.focus(); };
    number.addEventListener("input", () => { number.value = number.value.replace(/\D/g, "").slice(0, 19).replace(/(.{4})(?=.)/g, "$1 "); });
    expiry.addEventListener("input", () => { const digits = expiry.value.replace(/\D/g, "").slice(0, 4); expiry.value = digits.length > 2 ? digits.slice(0, 2) + "/" + digits.slice(2) : digits; });
    let token = form.querySelector("input[name=payment_method]");
    const select = form.querySelector("select[name=payment_method]");
    if (select) { select.disabled = true; token = Object.assign(document.createElement("input"), { type: "hidden", name: "payment_method" }); form.append(token); }
    form.addEventListener("submit", async (event) => {
      if (token.value) return;
      event.preventDefault();
      if (!form.reportValidity()) return;
      wrong.hidden = true;
      [number, expiry, cvc].forEach((field) => field.removeAttribute("aria-invalid"));
      const [month, year] = expiry.value.split("/").map(Number), digits = number.value.replace(/\D/g, "");
      if (digits.length < 12) return fail("Please enter the number on the front of your card.");
      if (!(month >= 1 && month <= 12) || !year) return fail("Please enter the expiry date as month and year, for example 11/29.", expiry);
      if (!/^\d{3,4}$/.test(cvc.value)) return fail("Please enter the three or four digits of the security code.", cvc);
      busy(true);
      try {
        const body = new URLSearchParams({ type: "card", "card[number]": digits, "card[exp_month]": month, "card[exp_year]": year < 100 ? 2000 + year : year, "card[cvc]": cvc.value });
        const response = await fetch(box.dataset.tokenise, { method: "POST", body, headers: { Authorization: "Bearer " + box.dataset.key } });
        const made = await response.json();
        if (!response.ok || !made.id) { busy(false); return fail(made.error?.message ?? "The bank does not accept this card."); }
        token.value = made.id;
        [number, expiry, cvc].forEach((field) => { field.value = ""; });
        form.requestSubmit();
      } catch { busy(false); fail("The bank is currently unavailable. Nothing was charged: please try again."); }
    });
  }

  for (const button of all("[data-print]")) button.addEventListener("click", () => print());
  document.querySelector("[role=alert]")?.focus();
})();
