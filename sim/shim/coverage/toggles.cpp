// Which bits of a model rise and fall: the part of verilated_fst_c.h that is no template.
#include "verilated_fst_c.h"

// Verilator's own header holds the common part of all kinds of waveforms, for the classes that these name.
#define VL_SUB_T VerilatedFst
#define VL_BUF_T VerilatedFstBuffer
#include "verilated_trace_imp.h"
#undef VL_SUB_T
#undef VL_BUF_T

VerilatedFst::~VerilatedFst() { close(); }

void VerilatedFst::open(const char* name) {
    path = name;
    fullDump(true);
    Super::traceInit();
    words.resize(nextCode());
}

void VerilatedFst::declare(uint32_t code, const char* name, fstVarType type, bool array, int msb, int lsb) {
    const int bits = msb - lsb + 1;
    if (!Super::declCode(code, name, bits, false)) return;
    // Constants cannot toggle, and words of memories have no points.
    if (type == FST_VT_VCD_PARAMETER || array) return;
    if (is_named.size() <= code) is_named.resize(code + 1);
    if (is_named[code]) return;
    is_named[code] = true;
    std::string net = namePrefix() + name;
    for (char& c : net) {
        if (c == ' ') c = '.';
    }
    nets.push_back({code, net, lsb, bits});
}

void VerilatedFst::close() {
    if (!isOpen()) return;
    Super::closeBase();
    if (FILE* file = std::fopen(path.c_str(), "w")) {
        for (const Net& net : nets) {
            std::fprintf(file, "%s %d %d ", net.name.c_str(), net.lowest_bit, net.bits);
            for (int word = 0; word < VL_WORDS_I(net.bits); word++) {
                std::fprintf(file, "%08x", words[net.code + word].risen);
            }
            std::fputc(' ', file);
            for (int word = 0; word < VL_WORDS_I(net.bits); word++) {
                std::fprintf(file, "%08x", words[net.code + word].fallen);
            }
            std::fputc('\n', file);
        }
        std::fclose(file);
    }
    path.clear();
}

VerilatedFst::Buffer* VerilatedFst::getTraceBuffer() { return new Buffer{*this}; }

void VerilatedFst::commitTraceBuffer(Buffer* buffer) { delete buffer; }
