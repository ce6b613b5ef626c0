// Replays what was recorded of a kernel under Icarus: a number a cycle into the module `compare`, which
// holds the kernel and says whether its outputs are those recorded.
module replay;
    parameter CYCLES = 1;
    parameter BITS = 1;
    parameter VECTORS = "";

    reg [BITS - 1:0] lines [0:CYCLES - 1];
    reg [BITS - 1:0] line = 0;
    reg clock = 0;
    wire different;
    integer cycle;

    compare compare(.clock(clock), .line(line), .different(different));

    initial begin
        $readmemh(VECTORS, lines);
        for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
            line = lines[cycle];
            #5;
            if (different !== 0) begin
                $display("DIFFERENT cycle %0d", cycle);
                $finish;
            end
            clock = 1;
            #5 clock = 0;
        end
        $display("EQUAL");
        $finish;
    end
endmodule
