// The C face of a Verilated model: one table of functions per kernel, filled by generated code.
#pragma once

#include <cstdint>
#include <verilated.h>
#include <verilated_fst_c.h>
#ifdef WINTERFORGE_COVERAGE
#include <verilated_cov.h>
#endif

extern "C" struct WinterforgeApi {
    void* (*create)();
    void (*destroy)(void* model);
    void (*eval)(void* model);
    void (*set_clock)(void* model, int level);
    void (*set)(void* model, uint32_t port, uint64_t low, uint64_t high);
    void (*get)(void* model, uint32_t port, uint64_t* words);
    void (*open_trace)(void* model, const char* path);
    void (*dump_trace)(void* model, uint64_t time);
    void (*write_coverage)(void* model, const char* path);
    uint64_t (*state_bits)(void* model, int memories);
    void (*flip)(void* model, int memories, uint64_t bit);
};

namespace winterforge {

// A register, or a memory of some words.
struct Variable {
    void* data;
    uint64_t words;
    uint32_t word_bytes;
    uint32_t width;
};

// Flips one bit of some variables.
inline void flip(const Variable* variables, std::size_t count, uint64_t bit) {
    for (const Variable* variable = variables; variable < variables + count; variable++) {
        const uint64_t bits = variable->words * variable->width;
        if (bit < bits) {
            const uint64_t in_word = bit % variable->width;
            const uint64_t byte = bit / variable->width * variable->word_bytes + in_word / 8;
            static_cast<uint8_t*>(variable->data)[byte] ^= static_cast<uint8_t>(1u << (in_word % 8));
            return;
        }
        bit -= bits;
    }
}

inline uint64_t bits_of(const Variable* variables, std::size_t count) {
    uint64_t bits = 0;
    for (const Variable* variable = variables; variable < variables + count; variable++) {
        bits += variable->words * variable->width;
    }
    return bits;
}

template <typename Signal>
void put(Signal& signal, uint64_t low, uint64_t) {
    signal = static_cast<Signal>(low);
}

template <std::size_t Words>
void put(VlWide<Words>& signal, uint64_t low, uint64_t high) {
    const uint64_t values[2] = {low, high};
    for (std::size_t i = 0; i < Words; i++) signal[i] = static_cast<uint32_t>(values[i / 2] >> (32 * (i % 2)));
}

template <typename Signal>
void take(const Signal& signal, uint64_t* words) {
    words[0] = signal;
    words[1] = 0;
}

template <std::size_t Words>
void take(const VlWide<Words>& signal, uint64_t* words) {
    words[0] = words[1] = 0;
    for (std::size_t i = 0; i < Words; i++) words[i / 2] |= static_cast<uint64_t>(signal[i]) << (32 * (i % 2));
}

// A model with its own context, so that models in different threads share nothing.
template <typename Model>
struct Instance {
    VerilatedContext context;
    Model model;
    VerilatedFstC* trace = nullptr;

    Instance() : context(), model(start(context)) {}

    static VerilatedContext* start(VerilatedContext& context) {
        context.traceEverOn(true);
        return &context;
    }

    ~Instance() {
        model.final();
        if (trace) {
            trace->close();
            delete trace;
        }
    }

    static Instance& of(void* instance) { return *static_cast<Instance*>(instance); }
    static void* create() { return new Instance; }
    static void destroy(void* instance) { delete &of(instance); }
    static void eval(void* instance) { of(instance).model.eval(); }

    static void open_trace(void* instance, const char* path) {
        Instance& self = of(instance);
        self.trace = new VerilatedFstC;
        self.model.trace(self.trace, 99);
        self.trace->open(path);
    }

    static void dump_trace(void* instance, uint64_t time) { of(instance).trace->dump(time); }

    static void write_coverage(void* instance, const char* path) {
#ifdef WINTERFORGE_COVERAGE
        of(instance).context.coveragep()->write(path);
#else
        (void)instance;
        (void)path;
#endif
    }
};

}  // namespace winterforge
