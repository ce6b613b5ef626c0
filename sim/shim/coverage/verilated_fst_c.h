// Takes the place of Verilator's header of this name in models that count coverage. The code that
// Verilator writes for waveforms then records which bits rise and which fall, instead of a waveform: a net
// counts once, whatever names it has on its way through the hierarchy, and nothing slows down with the
// number of points. Written against the classes of Verilator 5.006.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "verilated.h"
#include "verilated_trace.h"

// Kinds of signals, by the names in generated code.
#include "gtkwave/fstapi.h"

class VerilatedFstBuffer;

class VerilatedFst final : public VerilatedTrace<VerilatedFst, VerilatedFstBuffer> {
public:
    using Super = VerilatedTrace<VerilatedFst, VerilatedFstBuffer>;

    ~VerilatedFst();

    void open(const char* path);
    // Writes a line for each net: path, lowest bit, number of bits, bits that rose, bits that fell; the last
    // two in hexadecimal words of 32 bits, the lowest first.
    void close();
    void flush() {}
    bool isOpen() const { return !path.empty(); }

    void declBit(uint32_t code, const char* name, int, fstVarDir, fstVarType type, bool array, int) {
        declare(code, name, type, array, 0, 0);
    }
    void declBus(uint32_t code, const char* name, int, fstVarDir, fstVarType type, bool array, int, int msb,
                 int lsb) {
        declare(code, name, type, array, msb, lsb);
    }
    void declQuad(uint32_t code, const char* name, int, fstVarDir, fstVarType type, bool array, int, int msb,
                  int lsb) {
        declare(code, name, type, array, msb, lsb);
    }
    void declArray(uint32_t code, const char* name, int, fstVarDir, fstVarType type, bool array, int, int msb,
                   int lsb) {
        declare(code, name, type, array, msb, lsb);
    }

protected:
    void emitTimeChange(uint64_t) override {}
    bool preFullDump() override { return isOpen(); }
    bool preChangeDump() override { return isOpen(); }
    Buffer* getTraceBuffer() override;
    void commitTraceBuffer(Buffer* buffer) override;
    void configure(const VerilatedTraceConfig&) override {}

private:
    friend VerilatedFstBuffer;

    struct Net {
        uint32_t code;
        std::string name;
        int lowest_bit;
        int bits;
    };
    struct Word {
        uint32_t last, risen, fallen;
        bool is_known;
    };

    std::string path;
    std::vector<Net> nets;
    // By code, one for each 32 bits of a net.
    std::vector<Word> words;
    std::vector<bool> is_named;

    void declare(uint32_t code, const char* name, fstVarType type, bool array, int msb, int lsb);

    void record(uint32_t code, uint32_t value) {
        Word& word = words[code];
        if (word.is_known) {
            word.risen |= value & ~word.last;
            word.fallen |= word.last & ~value;
        }
        word.last = value;
        word.is_known = true;
    }
};

// Defined by verilated_trace_imp.h, used below.
template <>
void VerilatedFst::Super::dump(uint64_t time);
template <>
void VerilatedFst::Super::set_time_unit(const char* unit);
template <>
void VerilatedFst::Super::set_time_resolution(const char* unit);

class VerilatedFstBuffer VL_NOT_FINAL {
    friend VerilatedFst;
    friend VerilatedFst::Super;
    friend VerilatedFst::Buffer;
    friend VerilatedFst::OffloadBuffer;

    VerilatedFst& m_owner;

    explicit VerilatedFstBuffer(VerilatedFst& owner) : m_owner{owner} {}
    virtual ~VerilatedFstBuffer() = default;

    void emitEvent(uint32_t, VlEvent) {}
    void emitDouble(uint32_t, double) {}
    void emitBit(uint32_t code, CData value) { m_owner.record(code, value); }
    void emitCData(uint32_t code, CData value, int) { m_owner.record(code, value); }
    void emitSData(uint32_t code, SData value, int) { m_owner.record(code, value); }
    void emitIData(uint32_t code, IData value, int) { m_owner.record(code, value); }
    void emitQData(uint32_t code, QData value, int) {
        m_owner.record(code, static_cast<uint32_t>(value));
        m_owner.record(code + 1, static_cast<uint32_t>(value >> 32));
    }
    void emitWData(uint32_t code, const WData* value, int bits) {
        for (int word = 0; word < VL_WORDS_I(bits); word++) m_owner.record(code + word, value[word]);
    }
};

// What the shim sees, as Verilator's class of this name.
class VerilatedFstC final {
    VerilatedFst toggles;

public:
    void open(const char* path) { toggles.open(path); }
    void close() { toggles.close(); }
    bool isOpen() const { return toggles.isOpen(); }
    void dump(uint64_t time) { toggles.dump(time); }
    VerilatedFst* spTrace() { return &toggles; }
};
