/** Which page a path is, whom it is for, and where everybody's first page lies. */

import type { Component } from 'svelte';
import type { Role } from '../api/types.ts';

export interface Page {
  path: string;
  /** Names the page in the navigation and in the title; never a patient. */
  name: 'worklist' | 'myImages' | 'myAccesses' | 'ledger' | 'findings' | 'exposure' | 'incidents' | 'questions' | 'people' | 'organisations' | 'devices' | 'relationships' | 'approvals' | 'cold' | 'emergency' | 'emergencies' | 'colleagues' | 'census' | 'sessions' | 'links' | 'leaks' | 'orders';
  roles: readonly Role[] | 'all';
  /** Stands in the navigation. */
  listed: boolean;
  load: () => Promise<{ default: Component }>;
}

const READERS: readonly Role[] = ['referrer', 'radiologist', 'technologist'];
const CLINICIANS: readonly Role[] = ['referrer', 'radiologist'];
const OFFICERS: readonly Role[] = ['officer', 'officer-administrator'];
const ADMINISTRATORS: readonly Role[] = ['administrator', 'officer-administrator'];
const DECIDERS: readonly Role[] = ['officer', 'administrator', 'officer-administrator'];

export const pages: readonly Page[] = [
  { path: '/worklist', name: 'worklist', roles: READERS, listed: true, load: () => import('../worklist/Worklist.svelte') },
  { path: '/emergency', name: 'emergency', roles: CLINICIANS, listed: true, load: () => import('../emergency/BreakGlass.svelte') },
  { path: '/colleagues', name: 'colleagues', roles: READERS, listed: true, load: () => import('../colleagues/Colleagues.svelte') },
  { path: '/my', name: 'myImages', roles: ['patient'], listed: true, load: () => import('../my/MyImages.svelte') },
  { path: '/my/accesses', name: 'myAccesses', roles: ['patient'], listed: true, load: () => import('../my/MyAccesses.svelte') },
  { path: '/links', name: 'links', roles: ['patient', ...CLINICIANS], listed: true, load: () => import('../sharing/Links.svelte') },
  { path: '/officer', name: 'ledger', roles: OFFICERS, listed: true, load: () => import('../officer/Ledger.svelte') },
  { path: '/officer/findings', name: 'findings', roles: OFFICERS, listed: true, load: () => import('../findings/Findings.svelte') },
  { path: '/officer/exposure', name: 'exposure', roles: OFFICERS, listed: true, load: () => import('../officer/Exposure.svelte') },
  { path: '/officer/incidents', name: 'incidents', roles: OFFICERS, listed: true, load: () => import('../officer/Incidents.svelte') },
  { path: '/officer/questions', name: 'questions', roles: OFFICERS, listed: true, load: () => import('../officer/Questions.svelte') },
  { path: '/officer/emergencies', name: 'emergencies', roles: OFFICERS, listed: true, load: () => import('../emergency/Review.svelte') },
  { path: '/officer/leaks', name: 'leaks', roles: OFFICERS, listed: true, load: () => import('../leaks/Leaks.svelte') },
  { path: '/officer/links', name: 'links', roles: OFFICERS, listed: true, load: () => import('../sharing/Links.svelte') },
  { path: '/people', name: 'people', roles: ADMINISTRATORS, listed: true, load: () => import('../people/People.svelte') },
  { path: '/people/organisations', name: 'organisations', roles: ADMINISTRATORS, listed: true, load: () => import('../people/Organisations.svelte') },
  { path: '/people/census', name: 'census', roles: DECIDERS, listed: true, load: () => import('../people/Census.svelte') },
  { path: '/people/devices', name: 'devices', roles: ADMINISTRATORS, listed: true, load: () => import('../people/Devices.svelte') },
  { path: '/people/relationships', name: 'relationships', roles: ADMINISTRATORS, listed: true, load: () => import('../people/Relationships.svelte') },
  { path: '/orders', name: 'orders', roles: DECIDERS, listed: true, load: () => import('../orders/Orders.svelte') },
  { path: '/approvals', name: 'approvals', roles: DECIDERS, listed: true, load: () => import('../approvals/Approvals.svelte') },
  { path: '/cold', name: 'cold', roles: DECIDERS, listed: true, load: () => import('../cold/ColdStudies.svelte') },
  { path: '/account', name: 'sessions', roles: 'all', listed: false, load: () => import('../account/Sessions.svelte') },
];

export function mayOpen(page: Page, role: Role): boolean {
  return page.roles === 'all' || page.roles.includes(role);
}

/** The first page of a role. */
export function homeOf(role: Role): string {
  switch (role) {
    case 'patient':
      return '/my';
    case 'officer':
    case 'officer-administrator':
      return '/officer';
    case 'administrator':
      return '/people';
    default:
      return '/worklist';
  }
}

/** The study number of `/study/17`, or of a patient's `/my/study/17`. */
export function studyOf(path: string, prefix: '/study/' | '/my/study/'): number | null {
  if (!path.startsWith(prefix)) return null;
  const digits = path.slice(prefix.length);
  return /^\d{1,10}$/.test(digits) ? Number(digits) : null;
}
