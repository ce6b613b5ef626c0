//! The serial link: requests on a line that damages some of them, registers and streams that make it wait, answers that are
//! asked for again, resets in mid-frame. The integer model is the host's own code for frames and what is expected of answers.

use std::collections::VecDeque;

use winterforge_driver::uart::{Answer, Decoder, Kind, Request};
use winterforge_hdl::bench::Rng;
use winterforge_hdl::design::Dut;
use winterforge_sim::serial::SerialPins;
use winterforge_sim::{co_verify, verify_rtl};

/// Words that wait on each way.
const WINDOW: usize = 512;

/// Cycles without a bit on the line after which no answer comes any more.
const QUIET_CYCLES: u32 = 3000;

/// What surrounds the link.
struct World<'a> {
    dut: &'a mut dyn Dut,
    pins: SerialPins,
    rng: Rng,
    decoder: Decoder,
    stall: f64,
    is_paused: bool,
    ports: Ports,
    registers: [u32; 64],
    write_address: Option<u8>,
    write_data: Option<u32>,
    read_address: Option<u8>,
    /// Words that came out for the accelerator, marks beside them.
    taken: Vec<(u64, bool)>,
    /// Words for the host, and how many of them the link has.
    results: Vec<(u64, bool)>,
    handed: usize,
}

fn serial_pins<D: Dut + ?Sized>(dut: &mut D, bit_cycles: u32) -> SerialPins {
    let setting = dut.port("bit_cycles");
    dut.set(setting, bit_cycles.into());
    SerialPins::new(dut, bit_cycles)
}

struct Ports {
    reset: usize,
    aw: [usize; 3],
    w: [usize; 3],
    b: [usize; 2],
    ar: [usize; 3],
    r: [usize; 3],
    s: [usize; 4],
    m: [usize; 4],
}

/// Registers from here on do not exist.
const REGISTERS: usize = 48;

impl<'a> World<'a> {
    fn new(dut: &'a mut dyn Dut, seed: u64, bit_cycles: u32, stall: f64) -> Self {
        let pins = serial_pins(dut, bit_cycles);
        let named = |name: &str| dut.port(name);
        let ports = Ports {
            reset: named("reset"),
            aw: ["aw_valid", "aw_ready", "aw_addr"].map(named),
            w: ["w_valid", "w_ready", "w_data"].map(named),
            b: ["b_valid", "b_resp"].map(named),
            ar: ["ar_valid", "ar_ready", "ar_addr"].map(named),
            r: ["r_valid", "r_data", "r_resp"].map(named),
            s: ["s_valid", "s_ready", "s_word", "s_last"].map(named),
            m: ["m_valid", "m_ready", "m_word", "m_last"].map(named),
        };
        let mut world = Self {
            dut,
            pins,
            rng: Rng::new(seed),
            decoder: Decoder::default(),
            stall,
            is_paused: false,
            ports,
            registers: [0; 64],
            write_address: None,
            write_data: None,
            read_address: None,
            taken: Vec::new(),
            results: Vec::new(),
            handed: 0,
        };
        world.reset();
        world
    }

    fn reset(&mut self) {
        self.dut.set(self.ports.reset, 1);
        self.dut.clock_edge();
        self.dut.set(self.ports.reset, 0);
        self.dut.set(self.ports.s[0], 0);
        (self.write_address, self.write_data, self.read_address) = (None, None, None);
        self.dut.settle();
    }

    /// One cycle of registers and streams.
    fn tick(&mut self) -> Result<(), String> {
        let Ports {
            aw,
            w,
            b,
            ar,
            r,
            s,
            m,
            ..
        } = self.ports;
        let stall = self.stall;
        let mut goes = || !self.rng.chance(stall);
        let (takes_address, takes_data, takes_read) = (goes(), goes(), goes());
        let (answers, takes_word, gives_word) = (goes(), goes() && !self.is_paused, goes());
        self.dut.set(
            aw[1],
            (takes_address && self.write_address.is_none()).into(),
        );
        self.dut
            .set(w[1], (takes_data && self.write_data.is_none()).into());
        self.dut
            .set(ar[1], (takes_read && self.read_address.is_none()).into());
        self.dut.set(m[1], takes_word.into());
        self.dut.set(b[0], 0);
        self.dut.set(r[0], 0);
        if answers && let (Some(address), Some(data)) = (self.write_address, self.write_data) {
            let register = usize::from(address / 4);
            self.dut.set(b[0], 1);
            self.dut.set(b[1], if register < REGISTERS { 0 } else { 2 });
            if register < REGISTERS {
                self.registers[register] = data;
            }
            (self.write_address, self.write_data) = (None, None);
        } else if answers && let Some(address) = self.read_address {
            let register = usize::from(address / 4);
            self.dut.set(r[0], 1);
            self.dut.set(r[1], self.registers[register].into());
            self.dut.set(r[2], if register < REGISTERS { 0 } else { 2 });
            self.read_address = None;
        }
        // A word that is offered stays.
        if self.dut.get(s[0]) == 0
            && gives_word
            && !self.is_paused
            && let Some(&(word, last)) = self.results.get(self.handed)
        {
            self.dut.set(s[0], 1);
            self.dut.set(s[2], word.into());
            self.dut.set(s[3], last.into());
        }
        self.dut.settle();
        let passes =
            |dut: &dyn Dut, [valid, ready]: [usize; 2]| dut.get(valid) == 1 && dut.get(ready) == 1;
        if passes(self.dut, [aw[0], aw[1]]) {
            self.write_address = Some(self.dut.get(aw[2]) as u8);
        }
        if passes(self.dut, [w[0], w[1]]) {
            self.write_data = Some(self.dut.get(w[2]) as u32);
        }
        if passes(self.dut, [ar[0], ar[1]]) {
            self.read_address = Some(self.dut.get(ar[2]) as u8);
        }
        if passes(self.dut, [m[0], m[1]]) {
            let word = self.dut.get(m[2]) as u64;
            self.taken.push((word, self.dut.get(m[3]) == 1));
        }
        let is_handed = passes(self.dut, [s[0], s[1]]);
        let offered = (self.dut.get(m[0]) == 1 && !takes_word).then(|| self.dut.get(m[2]));
        self.pins.cycle(self.dut);
        self.dut.clock_edge();
        if is_handed {
            self.handed += 1;
            self.dut.set(s[0], 0);
        }
        match offered {
            Some(word) if self.dut.get(m[0]) == 0 || self.dut.get(m[2]) != word => {
                Err("a word was taken back".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn ticks(&mut self, count: u64) -> Result<(), String> {
        (0..count).try_for_each(|_| self.tick())
    }

    /// Runs until an answer came, or the line is quiet.
    fn listen(&mut self) -> Result<Option<Answer>, String> {
        let mut quiet = 0;
        while quiet < QUIET_CYCLES {
            self.tick()?;
            quiet = if self.pins.is_idle() { quiet + 1 } else { 0 };
            while let Some(byte) = self.pins.incoming.pop_front() {
                if let Some(answer) = self.decoder.push(byte) {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    }

    /// A frame with some damage: the same bytes, or others.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let place = self.rng.below(bytes.len() as u64) as usize;
        match self.rng.below(4) {
            0 => bytes[place] ^= 1 << self.rng.below(8),
            1 => drop(bytes.remove(place)),
            2 => bytes.insert(place, self.rng.next_u64() as u8),
            _ => bytes.truncate(place),
        }
        bytes
    }
}

/// What the host knows.
#[derive(Default)]
struct Host {
    number: u8,
    /// Words that were accepted; the accelerator's side sees them in this order.
    accepted: Vec<(u64, bool)>,
    /// Results that the link has let go, and those of the last answer.
    released: usize,
    sent: usize,
    last: Option<Answer>,
}

impl Host {
    /// Checks an answer to a request that was carried out now, before which so many words were taken.
    fn check(
        &mut self,
        world: &World<'_>,
        request: &Request<'_>,
        answer: &Answer,
        taken_before: usize,
    ) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {answer:?} to {request:?}"));
        if answer.number != request.number || answer.kind != request.kind as u8 {
            return wrong("another request");
        }
        self.released += std::mem::take(&mut self.sent);
        let register = usize::from(request.argument / 4);
        let refusal = if register < REGISTERS { 0 } else { 2 };
        match request.kind {
            Kind::Hello if answer.value != 1 | 9 << 8 || answer.status != 0 => {
                return wrong("greeting");
            }
            Kind::Read if answer.status != refusal || answer.value != world.registers[register] => {
                return wrong("register");
            }
            Kind::Write if answer.status != refusal => return wrong("status"),
            Kind::Write if refusal == 0 && world.registers[register] != request.value => {
                return wrong("not written");
            }
            _ => {}
        }
        if request.kind != Kind::Exchange {
            return match answer.words.is_empty() && !answer.is_last {
                true => Ok(()),
                false => wrong("words"),
            };
        }
        // The words of the request.
        let waiting = self.accepted.len() - taken_before;
        match answer.status {
            0 => {
                let last = request.words.len().wrapping_sub(1);
                let words = request.words.iter().enumerate();
                self.accepted
                    .extend(words.map(|(i, &word)| (word, request.is_last && i == last)));
            }
            1 if waiting + request.words.len() > WINDOW => {}
            _ => return wrong("status"),
        }
        let room = answer.value as usize;
        let most = WINDOW + world.taken.len() - self.accepted.len();
        let least = (WINDOW + taken_before).saturating_sub(self.accepted.len());
        if room < least || room > most {
            return Err(format!("room {room}, not {least} to {most}"));
        }
        // The words of the answer.
        self.sent = answer.words.len();
        let expected = world.results.get(self.released..self.released + self.sent);
        let Some(expected) = expected.filter(|_| self.sent <= usize::from(request.argument)) else {
            return wrong("words from nowhere");
        };
        let marks: Vec<bool> = expected.iter().map(|&(_, mark)| mark).collect();
        let is_marked_last = marks.last() == Some(&true);
        if !expected.iter().map(|(word, _)| word).eq(&answer.words)
            || marks.iter().rev().skip(1).any(|&mark| mark)
            || answer.is_last != is_marked_last
        {
            return wrong("other words");
        }
        Ok(())
    }

    /// Sends a request until it is answered, with damage on the way; asks for some answers twice.
    fn ask(&mut self, world: &mut World<'_>, mut request: Request<'_>) -> Result<Answer, String> {
        self.number = self.number.wrapping_add(1);
        request.number = self.number;
        let bytes = request.encode();
        let taken_before = world.taken.len();
        for _ in 0..20 {
            let is_damaged = world.rng.chance(0.2);
            let sent = match is_damaged {
                true => world.damaged(bytes.clone()),
                false => bytes.clone(),
            };
            world.pins.outgoing.extend(sent);
            match world.listen()? {
                Some(answer) => {
                    self.check(world, &request, &answer, taken_before)?;
                    self.last = Some(answer.clone());
                    if request.kind != Kind::Hello && world.rng.chance(0.3) {
                        self.ask_again(world, &bytes, &answer)?;
                    }
                    return Ok(answer);
                }
                None if is_damaged => {}
                None => return Err(format!("no answer to {request:?}")),
            }
        }
        Err("no frame in twenty arrived".to_owned())
    }

    fn ask_again(
        &mut self,
        world: &mut World<'_>,
        bytes: &[u8],
        answer: &Answer,
    ) -> Result<(), String> {
        world.pins.outgoing.extend(bytes);
        let Some(mut again) = world.listen()? else {
            return Err("no answer when asked again".to_owned());
        };
        if answer.kind == Kind::Exchange as u8 {
            again.value = answer.value;
        }
        match again == *answer {
            true => Ok(()),
            false => Err(format!("{again:?} again for {answer:?}")),
        }
    }

    /// Forgets the words on their way, as the link does.
    fn drop_words(&mut self, world: &World<'_>) {
        self.accepted.clone_from(&world.taken);
        self.released = world.handed;
        self.sent = 0;
    }
}

fn request(kind: Kind, argument: u8, value: u32, words: &[u64], is_last: bool) -> Request<'_> {
    Request {
        number: 0,
        kind,
        argument,
        is_last,
        drops: false,
        value,
        words,
    }
}

/// Random requests; at the end all words must have arrived, in order, once.
fn converse(
    dut: &mut dyn Dut,
    seed: u64,
    bit_cycles: u32,
    stall: f64,
    count: u32,
) -> Result<(), String> {
    let mut world = World::new(dut, seed, bit_cycles, stall);
    let mut host = Host::default();
    for _ in 0..count {
        let more = world.rng.below(40);
        for _ in 0..more {
            // Some words are all delimiters on the line.
            let word = match world.rng.below(4) {
                0 => 0xc0db_c0db_dbdb_c0c0,
                _ => world.rng.next_u64(),
            };
            let last = world.rng.chance(0.05);
            world.results.push((word, last));
        }
        let value = world.rng.next_u64() as u32;
        let argument = world.rng.next_u64() as u8;
        match world.rng.below(10) {
            0 | 1 => drop(host.ask(&mut world, request(Kind::Read, argument, 0, &[], false))?),
            2 | 3 => drop(host.ask(
                &mut world,
                request(Kind::Write, argument, value, &[], false),
            )?),
            4 => {
                // Nothing moves meanwhile: what is dropped would be hard to tell.
                world.is_paused = true;
                world.ticks(40)?;
                let mut hello = request(Kind::Hello, 0, 0, &[], false);
                hello.drops = world.rng.chance(0.5);
                let drops = hello.drops;
                host.ask(&mut world, hello)?;
                if drops {
                    host.drop_words(&world);
                }
                world.is_paused = false;
            }
            5 => {
                // In mid-frame, mid-answer or at rest.
                world.is_paused = true;
                host.number = host.number.wrapping_add(1);
                let mut last = request(Kind::Exchange, argument, 0, &[], false);
                last.number = host.number;
                world.pins.outgoing.extend(last.encode());
                let cycles = world.rng.below(3000);
                world.ticks(cycles)?;
                world.pins.outgoing.clear();
                world.reset();
                world.listen()?;
                host.drop_words(&world);
                // A number that it had before is new to it now.
                host.number = host.number.wrapping_sub(world.rng.below(2) as u8);
                world.is_paused = false;
            }
            _ => {
                let words: Vec<u64> = (0..world.rng.below(60))
                    .map(|_| world.rng.next_u64())
                    .collect();
                let is_last = !words.is_empty() && world.rng.chance(0.5);
                let exchange = request(Kind::Exchange, argument, 0, &words, is_last);
                host.ask(&mut world, exchange)?;
            }
        }
    }
    while host.released + host.sent < world.results.len() || world.taken.len() < host.accepted.len()
    {
        host.ask(&mut world, request(Kind::Exchange, 255, 0, &[], false))?;
    }
    match world.taken == host.accepted {
        true => Ok(()),
        false => Err("the accelerator's side had other words".to_owned()),
    }
}

#[test]
fn requests_on_a_bad_line() {
    for (seed, bit_cycles, stall) in [(81, 4, 0.0), (82, 5, 0.5), (83, 7, 0.97)] {
        verify_rtl("link", |dut| {
            converse(dut, seed, bit_cycles, stall, 120)
                .map_err(|error| format!("seed {seed}: {error}"))
        });
    }
}

#[test]
fn requests_in_both_simulations() {
    co_verify("link", |dut| converse(dut, 84, 4, 0.3, 12));
}

/// More words than there is room for are refused, and later taken.
#[test]
fn a_full_window_refuses_words() {
    verify_rtl("link", |dut| {
        let mut world = World::new(dut, 85, 4, 0.0);
        let mut host = Host::default();
        world.is_paused = true;
        let words: Vec<u64> = (0..120).collect();
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let exchange = request(Kind::Exchange, 0, 0, &words, true);
            statuses.push(host.ask(&mut world, exchange)?.status);
        }
        if statuses != [0, 0, 0, 0, 1, 1] {
            return Err(format!("{statuses:?}"));
        }
        world.is_paused = false;
        world.ticks(4000)?;
        let exchange = request(Kind::Exchange, 0, 0, &words, true);
        let status = host.ask(&mut world, exchange)?.status;
        world.ticks(4000)?;
        match status == 0 && world.taken == host.accepted {
            true => Ok(()),
            false => Err("words are missing".to_owned()),
        }
    });
}

/// A request of no kind is answered so, and does nothing.
#[test]
fn unknown_kinds_are_refused() {
    verify_rtl("link", |dut| {
        let mut world = World::new(dut, 86, 4, 0.0);
        let mut content = vec![1, 9, 0, 0, 0, 0, 0, 0];
        content.extend(crc_by_bits(&content).to_le_bytes());
        world.pins.outgoing.push_back(0xc0);
        world.pins.outgoing.extend(content);
        world.pins.outgoing.push_back(0xc0);
        match world.listen()? {
            Some(answer) if answer.status == 3 && answer.kind == 9 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

/// IEEE 802.3's checksum, bit by bit.
fn crc_by_bits(bytes: &[u8]) -> u32 {
    let mut register = u32::MAX;
    for bit in bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |i| byte >> i & 1))
    {
        let is_odd = (register ^ u32::from(bit)) & 1 == 1;
        register >>= 1;
        if is_odd {
            register ^= 0xedb8_8320;
        }
    }
    !register
}

#[test]
fn the_pins_agree_with_themselves() {
    // A line back to itself, as it were: the port rx is an input and tx an output, so one cycle behind.
    let mut queue: VecDeque<u128> = VecDeque::new();
    struct Loop<'a>(
        &'a mut VecDeque<u128>,
        Vec<winterforge_hdl::design::Port>,
        u128,
    );
    impl Dut for Loop<'_> {
        fn ports(&self) -> &[winterforge_hdl::design::Port] {
            &self.1
        }
        fn set(&mut self, port: usize, value: u128) {
            if port == 0 {
                self.2 = value;
            }
        }
        fn get(&self, _: usize) -> u128 {
            *self.0.front().unwrap_or(&1)
        }
        fn settle(&mut self) {}
        fn clock_edge(&mut self) {
            self.0.clear();
            self.0.push_back(self.2);
        }
    }
    let ports = ["rx", "bit_cycles", "tx"].map(|name| winterforge_hdl::design::Port {
        name: name.into(),
        width: 16,
        is_input: name != "tx",
    });
    for bit_cycles in [4, 5, 16] {
        let mut wire = Loop(&mut queue, ports.to_vec(), 1);
        let mut pins = serial_pins(&mut wire, bit_cycles);
        let bytes: Vec<u8> = (0..=255).collect();
        pins.outgoing.extend(&bytes);
        for _ in 0..300 * 10 * bit_cycles {
            pins.cycle(&mut wire);
            wire.clock_edge();
        }
        assert_eq!(pins.incoming, bytes, "{bit_cycles}");
    }
}
