using System.Buffers.Binary;

namespace IommuKit.Models.Tests.Guests;

/// <summary>What stands in a hostile guest's memory at first.</summary>
internal static class GuestWords
{
    /// <summary>Fills memory from one draw, so that a fuzzer's input is spent on what the guest does and not on what stands there.</summary>
    public static void Fill(Span<byte> memory, Random random, Func<Random, ulong> word)
    {
        var own = new Random(random.Next());
        for (; memory.Length >= sizeof(ulong); memory = memory[sizeof(ulong)..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(memory, word(own));
        }
    }
}
