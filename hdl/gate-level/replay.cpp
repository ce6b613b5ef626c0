// Replays what was recorded of a kernel on its Verilated netlist, and again on every wrong netlist that is
// in it: `mutants` has a bit for each, which puts its error there. Prints for each whether the outputs were
// those recorded, or the first cycle in which they were not.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "Vcompare.h"
#include "verilated.h"

static unsigned digit(char character) {
    return character <= '9' ? character - '0' : character - 'a' + 10;
}

/// A number of hexadecimal digits into the words of a wide port.
static std::vector<uint32_t> parse(const std::string& digits) {
    std::vector<uint32_t> words((digits.size() + 7) / 8);
    for (size_t place = 0; place < digits.size(); place++) {
        uint32_t value = digit(digits[digits.size() - 1 - place]);
        words[place / 8] |= value << (4 * (place % 8));
    }
    return words;
}

static void replay(const std::vector<std::vector<uint32_t>>& lines, uint32_t mutants) {
    VerilatedContext context;
    Vcompare model{&context};
    model.mutants = mutants;
    for (size_t cycle = 0; cycle < lines.size(); cycle++) {
        for (size_t word = 0; word < lines[cycle].size(); word++) {
            model.line[word] = lines[cycle][word];
        }
        model.clock = 0;
        model.eval();
        if (model.different) {
            std::cout << "DIFFERENT cycle " << cycle << std::endl;
            return;
        }
        model.clock = 1;
        model.eval();
    }
    std::cout << "EQUAL" << std::endl;
}

int main(int, char** arguments) {
    std::ifstream file(arguments[1]);
    std::vector<std::vector<uint32_t>> lines;
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("//", 0) != 0) {
            lines.push_back(parse(line));
        }
    }
    replay(lines, 0);
    for (int mutant = 0; mutant < std::stoi(arguments[2]); mutant++) {
        replay(lines, 1u << mutant);
    }
}
