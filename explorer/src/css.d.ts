/** The bundler writes imported style sheets into a separate file. */
declare module '*.css';
