/** Stands in for Node's `url`, which a package below Cornerstone3D imports by name; browsers have the class. */
const { URL: Url, URLSearchParams: Parameters } = globalThis;
export { Parameters as URLSearchParams, Url as URL };
export default { URL: Url, URLSearchParams: Parameters };
