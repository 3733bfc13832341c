/**
 * Language, colours and single keys: all that our pages keep in local storage, and none of it says anything about a
 * patient. Whoever controls the browser's storage can change how pages look, nothing else.
 */

export type Language = 'en' | 'de';
export type Theme = 'system' | 'light' | 'dark';

const LANGUAGE_KEY = 'leadglass.language';
const THEME_KEY = 'leadglass.theme';
const KEYS_KEY = 'leadglass.single-keys';

class Preferences {
  language = $state<Language>(firstLanguage());
  theme = $state<Theme>(firstTheme());
  /** Whether single letters act in the viewer (WCAG 2.1.4 wants a way to turn them off). */
  singleKeys = $state(read(KEYS_KEY) !== 'off');

  speak(language: Language): void {
    this.language = language;
    keep(LANGUAGE_KEY, language);
    document.documentElement.lang = language;
  }

  paint(theme: Theme): void {
    this.theme = theme;
    keep(THEME_KEY, theme);
    applyTheme(theme);
  }

  useSingleKeys(on: boolean): void {
    this.singleKeys = on;
    keep(KEYS_KEY, on ? 'on' : 'off');
  }
}

function firstLanguage(): Language {
  const kept = read(LANGUAGE_KEY);
  if (kept === 'en' || kept === 'de') return kept;
  return navigator.languages.find((tag) => /^(en|de)\b/i.test(tag))?.toLowerCase().startsWith('de') ? 'de' : 'en';
}

function firstTheme(): Theme {
  const kept = read(THEME_KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

// storage may be forbidden by the browser: then a preference lasts as long as the page
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // see read()
  }
}

export const preferences = new Preferences();
document.documentElement.lang = preferences.language;
applyTheme(preferences.theme);
