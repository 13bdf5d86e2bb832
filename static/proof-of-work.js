// Finds the number behind which the digest begins with as many zero bits as the form asks for, and sends the form.
// SHA-256 of its own, in FIPS 180-4's letters: the browser's is asynchronous, thirty times slower for so short a text.
(() => {
  "use strict";
  const form = document.querySelector("form[data-challenge]");
  if (!form) return;
  const { challenge, bits } = form.dataset;

  const root = (number, power) => Math.floor((number ** (1 / power) % 1) * 2 ** 32) | 0;
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((it) => n % it)) primes.push(n);
  const K = Int32Array.from(primes, (it) => root(it, 3));
  const H = Int32Array.from(primes.slice(0, 8), (it) => root(it, 2));
  const W = new Int32Array(64);
  const rotated = (word, by) => (word >>> by) | (word << (32 - by));

  // The first word of the digest of a text of fewer than 56 characters: no proof needs more bits.
  const firstWord = (text) => {
    W.fill(0);
    for (let i = 0; i < text.length; i += 1) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i % 4));
    W[text.length >> 2] |= 0x80 << (24 - 8 * (text.length % 4));
    W[15] = 8 * text.length;
    for (let t = 16; t < 64; t += 1) {
      const s0 = rotated(W[t - 15], 7) ^ rotated(W[t - 15], 18) ^ (W[t - 15] >>> 3);
      const s1 = rotated(W[t - 2], 17) ^ rotated(W[t - 2], 19) ^ (W[t - 2] >>> 10);
      W[t] = W[t - 16] + s0 + W[t - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let t = 0; t < 64; t += 1) {
      const choice = (e & f) ^ (~e & g);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      const T1 = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + choice + K[t] + W[t];
      const T2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + majority;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + T1) | 0, c, b, a, (T1 + T2) | 0];
    }
    return (a + H[0]) >>> 0;
  };

  const most = 2 ** (32 - bits);
  let tried = 0;
  const work = () => {
    for (const pause = Date.now() + 50; Date.now() < pause;) {
      for (let i = 0; i < 500; i += 1, tried += 1) {
        if (firstWord(challenge + tried) < most) {
          form.elements.proof.value = tried;
          form.submit();
          return;
        }
      }
    }
    setTimeout(work);
  };
  work();
})();
