/** The pages start here. */

import './look/base.css';
import './look/parts.css';
import { mount } from 'svelte';
import App from './app/App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });
