/** The page: connects to the daemon, hands out what comes, and says at the top whether all is well. */
import { forgetToken, hasToken, readEvents, storeToken } from './connection.js';
import { byId, element, setText, show } from './dom.js';
import { Fleet } from './fleet.js';
import { Live, showProblems } from './live.js';
import { judge } from './verdict.js';

const live = new Live();
let releases;
let lost;
const fleet = new Fleet((known) => {
  releases = known;
  showVerdict();
});
let is_fleet_started = false;

const handlers = {
  opened: () => {
    lost = undefined;
    setConnection('live', 'Live');
    byId('token-form').hidden = true;
    if (!is_fleet_started) fleet.start();
    is_fleet_started = true;
  },
  history: (history) => {
    live.begin(history);
    showVerdict();
  },
  look: (look) => {
    live.add(look);
    showVerdict();
  },
  problems: showProblems,
  lost: (error) => {
    lost = error;
    setConnection('lost', 'Not connected');
    showVerdict();
  },
  refused: (error) => {
    setConnection('lost', 'A token is needed');
    setText(byId('token-error'), hasToken() ? error.message : '');
    forgetToken();
    byId('token-form').hidden = false;
    byId('verdict').hidden = true;
    byId('token').focus();
  },
};

byId('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  storeToken(byId('token').value);
  byId('token').value = '';
  byId('verdict').hidden = false;
  connect();
});
document.addEventListener('visibilitychange', () => live.draw());
connect();

function connect() {
  void readEvents('/page/events', handlers);
}

function setConnection(state, text) {
  byId('connection').dataset.state = state;
  setText(byId('connection'), text);
}

function showVerdict() {
  const { level, title, reasons } = lost === undefined ? judge(live.state, live.samples, releases) : gone(lost);
  byId('verdict').dataset.level = level;
  setText(byId('verdict-title'), title);
  show(byId('verdict-reasons'), ...reasons.map((reason) => element('li', {}, reason.text)));
  document.title = level === 'bad' ? '● Penstock: something is wrong' : 'Penstock';
}

function gone({ message }) {
  const text = `${message} What is shown below is as it was. This page connects again by itself.`;
  return { level: 'bad', title: 'No connection to the daemon', reasons: [{ level: 'bad', text }] };
}
