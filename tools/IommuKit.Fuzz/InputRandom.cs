namespace IommuKit.Fuzz;

/// <summary>"Random" numbers that are a fuzzer's input, read from its start: one byte for a choice of up to 256, more for more; zeros after its end.</summary>
internal sealed class InputRandom(ReadOnlyMemory<byte> input) : Random
{
    private int _place;

    /// <summary>Whether all of the input was read.</summary>
    public bool IsSpent => _place >= input.Length;

    public override int Next() => Next(int.MaxValue);

    public override int Next(int maxValue) => (int)NextInt64(maxValue);

    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    public override long NextInt64() => (long)(Take(sizeof(long)) & long.MaxValue);

    public override long NextInt64(long maxValue)
    {
        int bytes = maxValue <= 1 ? 0 : (64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)maxValue - 1) + 7) / 8;
        return bytes == 0 ? 0 : (long)(Take(bytes) % (ulong)maxValue);
    }

    public override long NextInt64(long minValue, long maxValue) => minValue + NextInt64(maxValue - minValue);

    public override double NextDouble() => Take(4) / (uint.MaxValue + 1.0);

    public override void NextBytes(Span<byte> buffer)
    {
        foreach (ref byte one in buffer)
        {
            one = (byte)Take(1);
        }
    }

    protected override double Sample() => NextDouble();

    private ulong Take(int bytes)
    {
        ulong result = 0;
        var span = input.Span;
        for (int i = 0; i < bytes && _place < span.Length; i++)
        {
            result |= (ulong)span[_place++] << (8 * i);
        }

        return result;
    }
}
