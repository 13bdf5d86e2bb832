import { defineConfig } from "vite";

const { REACT } = process.env;

export default defineConfig(({ isSsrBuild }) => ({
  logLevel: "error",
  resolve: {
    alias: [
      { find: /^react-dom(?=$|\/)/, replacement: `react-dom${REACT}` },
      { find: /^react(?=$|\/)/, replacement: `react${REACT}` },
    ],
  },
  esbuild: { jsx: "automatic" },
  ssr: { noExternal: true },
  build: {
    outDir: `dist/${REACT}/${isSsrBuild ? "server" : "client"}`,
    rollupOptions: isSsrBuild ? {} : { input: "src/client.jsx", output: { entryFileNames: "client.js" } },
  },
}));
