// svelte-check would look for one in vite's, which is for React here.
export default {};
