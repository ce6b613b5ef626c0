// For all 69-bit words in every cycle: the result three cycles later is canonical and differs from lo + h (2^32 - 1)
// by 0 or p. That this is congruent to lo + 2^64 h is the identity 2^64 - (2^32 - 1) = p, which a test in
// hdl/src/goldilocks checks.
module formal_top(input clock, input [68:0] x);
    localparam [63:0] P = 64'hffffffff00000001;
    wire [63:0] y;
    goldilocks_reduce_sum unit(.clock(clock), .x(x), .y(y));

    reg [68:0] x_1, x_2, x_3;
    reg [1:0] age = 0;
    always @(posedge clock) begin
        x_1 <= x;
        x_2 <= x_1;
        x_3 <= x_2;
        if (age != 3) age <= age + 1;
    end
    wire [65:0] linear = {2'b0, x_3[63:0]} + {29'b0, x_3[68:64], 32'b0} - {61'b0, x_3[68:64]};
    always @(*) begin
        if (age == 3) assert (y < P && ({2'b0, y} == linear || {2'b0, y} + P == linear));
    end
endmodule
