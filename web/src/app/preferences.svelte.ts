/**
 * Language and colours: the only two things that a page keeps in local storage, and neither says anything about a
 * patient. Whoever controls the browser's storage can change how pages look, nothing else.
 */

export type Language = 'en' | 'de';
export type Theme = 'system' | 'light' | 'dark';

const LANGUAGE_KEY = 'leadglass.language';
const THEME_KEY = 'leadglass.theme';

class Preferences {
  language = $state<Language>(firstLanguage());
  theme = $state<Theme>(firstTheme());

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
