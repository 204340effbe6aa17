// What is said on the way, and what was looked for in vain.
const began = Date.now();
const elapsed = () => `${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s`;

export const say = (text) => console.log(`${elapsed()}  ${text}`);

/** What was looked for in vain. The exercise goes on, and fails at its end. */
export const missing = [];
