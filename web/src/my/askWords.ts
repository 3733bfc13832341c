import { both } from '../words/both.ts';

const en = {
  title: 'Does something here surprise you?',
  lead: 'Write to the data protection officer of this house. You get the answer here, with the name of who answered.',
  begin: 'Ask a question',
  yours: 'Your question or complaint',
  hint: 'Say what surprises you: whom you do not know, or which day.',
  send: 'Send it',
  sent: 'Your question is with the data protection officer. The answer will stand here.',
  askedOn: (day: string) => `You asked on ${day}`,
  answeredBy: (name: string, day: string) => `${name}, ${day}`,
  waiting: 'No answer yet.',
};

const de: typeof en = {
  title: 'Überrascht Sie hier etwas?',
  lead: 'Schreiben Sie der oder dem Datenschutzbeauftragten dieses Hauses. Die Antwort steht dann hier, mit dem Namen derjenigen, die geantwortet haben.',
  begin: 'Eine Frage stellen',
  yours: 'Ihre Frage oder Beschwerde',
  hint: 'Schreiben Sie, was Sie überrascht: wen Sie nicht kennen, oder welcher Tag.',
  send: 'Absenden',
  sent: 'Ihre Frage liegt bei der oder dem Datenschutzbeauftragten. Die Antwort steht dann hier.',
  askedOn: (day) => `Sie fragten am ${day}`,
  answeredBy: (name, day) => `${name}, ${day}`,
  waiting: 'Noch keine Antwort.',
};

export const t = both(en, de);
