namespace IommuKit.Traces.Tests.Fuzzing;

/// <summary>Changes bytes as damage and attackers do; always the same for the same random numbers.</summary>
internal static class Mutation
{
    private static readonly byte[][] Words =
    [
        [.. "map:"u8], [.. "unmap:"u8], [.. "IOMMU: iova="u8], [.. "0x"u8], [.. " - "u8], [.. "size="u8], [.. " size=0"u8],
        [.. "0xffffffffffffffff"u8],
        [.. "18446744073709551615"u8], [.. "0xfffffffffffff000"u8], [.. "9999999999999999999999"u8], [.. "-1"u8], [.. "# tracer: nop"u8],
        [.. "cpus=2"u8],
        [.. "CPU:0 [LOST 99999999999999999999 EVENTS]"u8], [.. "CPU:0 [EVENTS DROPPED]"u8], [.. "*/"u8], [.. "/* "u8], [.. ": "u8], [.. "us+: "u8],
        [.. "(+5)"u8], [.. "[00000000]"u8], [.. "ms): "u8], [.. "qi_submit:"u8], [.. "cache_tag_flush_all:"u8], [.. "map_sg: dev=x"u8],
        [0], [0xff], [0xc2, 0x9b],
        [.. "\x1b["u8], [.. "\r"u8], [.. "\t"u8], [.. "type: 12"u8], [.. "entries-in-buffer/entries-written: 1/-1"u8],
        [.. "# latency: 0 us, #9/9,"u8],
    ];

    /// <summary>A changed copy.</summary>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="data">What is changed.</param>
    /// <param name="mayBreakLines">Whether ends of lines may come in.</param>
    public static byte[] Of(Random random, byte[] data, bool mayBreakLines)
    {
        var result = new List<byte>(data);
        for (int changes = 1 + random.Next(4); changes != 0; changes--)
        {
            Change(random, result);
        }

        byte[] changed = [.. result];
        if (!mayBreakLines)
        {
            changed.AsSpan().Replace((byte)'\n', (byte)' ');
        }

        return changed;
    }

    private static void Change(Random random, List<byte> data)
    {
        int at = data.Count == 0 ? 0 : random.Next(data.Count);
        int length = Math.Min(data.Count - at, 1 + random.Next(16));
        switch (random.Next(data.Count == 0 ? 1 : 8))
        {
            case 0:
                data.InsertRange(at, Words[random.Next(Words.Length)]);
                break;
            case 1:
                data[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                data[at] = (byte)random.Next(256);
                break;
            case 3:
                data.RemoveRange(at, length);
                break;
            case 4:
                data.InsertRange(at, data.GetRange(at, length));
                break;
            case 5:
                data.RemoveRange(at, data.Count - at);
                break;
            case 6:
                for (int i = 0; i < length; i++)
                {
                    data[at + i] = random.Next(2) == 0 ? (byte)0xff : (byte)0;
                }

                break;
            default:
                int from = random.Next(data.Count);
                data.InsertRange(at, data.GetRange(from, Math.Min(data.Count - from, 1 + random.Next(64))));
                break;
        }
    }
}
