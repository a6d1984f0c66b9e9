
"use strict";
for (const box of document.querySelectorAll(".find")) {
  const samples = [...box.parentElement.querySelectorAll(".sample")];
  const texts = samples.map((sample) => sample.textContent.toLowerCase());
  const [query, reason, status] = [box.querySelector("input"), box.querySelector("select"), box.querySelector("[role=status]")];
  const show = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    samples.forEach((sample, i) => {
      const fits = (!reason.value || sample.dataset.reason === reason.value) && words.every((word) => texts[i].includes(word));
      sample.hidden = !fits;
      shown += fits;
    });
    status.textContent = status.dataset.text + shown + " / " + samples.length;
  };
  query.addEventListener("input", show);
  reason.addEventListener("change", show);
  show();
}
