// For all canonical operands in every cycle: the result two cycles later is a + b mod p.
module formal_top(input clock, input [63:0] a, input [63:0] b);
    localparam [63:0] P = 64'hffffffff00000001;
    wire [63:0] y;
    goldilocks_add unit(.clock(clock), .a(a), .b(b), .y(y));

    reg [63:0] a_1, b_1, a_2, b_2;
    reg [1:0] age = 0;
    always @(posedge clock) begin
        a_1 <= a;
        b_1 <= b;
        a_2 <= a_1;
        b_2 <= b_1;
        if (age != 2) age <= age + 1;
    end
    wire [64:0] sum = {1'b0, a_2} + {1'b0, b_2};
    always @(*) begin
        assume (a < P && b < P);
        // In the step of the induction the operands under way are arbitrary canonical ones.
        assume (a_1 < P || age < 1);
        assume (b_1 < P || age < 1);
        assume (a_2 < P || age < 2);
        assume (b_2 < P || age < 2);
        if (age == 2) assert (y == (sum >= P ? sum - P : sum));
    end
endmodule
