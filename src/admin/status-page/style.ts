/**
 * How the pages look, light and dark, wide and narrow. Every pair of colours has a contrast of 4.5 at least (WCAG 2.2, 1.4.3);
 * `npm run test:browser` computes it.
 */
import { css } from "./html.ts";

export const STYLE = css`
  :root {
    color-scheme: light dark;
    --page: #ffffff;
    --text: #1b1d21;
    --muted: #55595f;
    --line: #c9ccd1;
    --link: #0b4fc4;
    --good: #0a5c2a;
    --good-page: #e4f4e9;
    --bad: #9b1414;
    --bad-page: #fdeceb;
    --warn: #6b4300;
    --warn-page: #fff2d1;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #121417;
      --text: #e7e9ec;
      --muted: #aab0b8;
      --line: #40454d;
      --link: #8cb8ff;
      --good: #86dea0;
      --good-page: #11301c;
      --bad: #ffb3ab;
      --bad-page: #3d1412;
      --warn: #ffd57a;
      --warn-page: #3a2b04;
    }
  }
  * {
    box-sizing: border-box;
  }
  body {
    margin: 0 auto;
    padding: 1rem;
    max-width: 80rem;
    font:
      1rem/1.5 system-ui,
      sans-serif;
    color: var(--text);
    background: var(--page);
    overflow-wrap: anywhere;
  }
  h1 {
    margin: 0;
    font-size: 1.1rem;
  }
  h2 {
    margin: 2rem 0 0.5rem;
    font-size: 1.2rem;
  }
  h3 {
    margin: 1.25rem 0 0.25rem;
    font-size: 1rem;
  }
  p {
    margin: 0.25rem 0;
  }
  a {
    color: var(--link);
  }
  :focus-visible {
    outline: 3px solid var(--link);
    outline-offset: 2px;
  }
  nav a {
    display: inline-block;
    padding: 0.25rem 0.75rem 0.25rem 0;
  }
  .muted {
    color: var(--muted);
  }
  .banner {
    margin: 0.75rem 0;
    padding: 0.75rem 1rem;
    border-left: 0.4rem solid;
  }
  .banner strong {
    display: block;
    font-size: 1.4rem;
    line-height: 1.3;
  }
  .banner ul {
    margin: 0.25rem 0 0;
    padding-left: 1.2rem;
  }
  .good {
    color: var(--good);
    background: var(--good-page);
  }
  .bad {
    color: var(--bad);
    background: var(--bad-page);
  }
  .warn {
    color: var(--warn);
    background: var(--warn-page);
  }
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th,
  td {
    padding: 0.35rem 0.75rem 0.35rem 0;
    text-align: left;
    vertical-align: top;
    border-bottom: 1px solid var(--line);
    font-weight: 400;
  }
  th.whole,
  td.whole {
    overflow-wrap: normal;
  }
  dl {
    display: grid;
    grid-template-columns: max-content 1fr;
    gap: 0.35rem 1rem;
    margin: 0;
  }
  dt {
    color: var(--muted);
  }
  dd {
    margin: 0;
  }
  thead th {
    color: var(--muted);
    font-size: 0.9rem;
    overflow-wrap: normal;
  }
  form {
    display: flex;
    flex-wrap: wrap;
    gap: 0.75rem 1rem;
    align-items: end;
  }
  label > span {
    display: block;
  }
  label.check > span {
    display: inline;
  }
  input,
  select,
  button {
    font: inherit;
    color: var(--text);
    background: var(--page);
    border: 1px solid var(--muted);
    border-radius: 0.2rem;
    padding: 0.3rem 0.5rem;
    max-width: 100%;
    min-height: 2.2rem;
  }
  input::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  input[type="checkbox"] {
    width: 1.2rem;
    min-height: 1.2rem;
  }
  @media (max-width: 60rem) {
    table,
    tbody,
    tr,
    th,
    td {
      display: block;
    }
    thead {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
    tr {
      padding: 0.5rem 0;
      border-bottom: 1px solid var(--line);
    }
    th,
    td {
      padding: 0.1rem 0;
      border: 0;
    }
    th[data-label]::before,
    td[data-label]::before {
      content: attr(data-label) ": ";
      color: var(--muted);
    }
    dl {
      display: block;
    }
    dd {
      margin-bottom: 0.35rem;
    }
    label {
      width: 100%;
    }
    input:not([type="checkbox"]),
    select,
    button {
      width: 100%;
    }
  }
`;
