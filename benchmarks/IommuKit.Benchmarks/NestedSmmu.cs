using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Benchmarks;

/// <summary>An SMMUv3 with a stream behind both stages, each of 4 KiB pages, written into memory as software would.</summary>
internal static class NestedSmmu
{
    /// <summary>The stream.</summary>
    public const int Stream = 8;

    private const ulong StreamTable = 0x10_0000;
    private const ulong Context = 0x11_0000;
    private const ulong Tables = 0x20_0000;
    private const ulong Leaf = 3 | (1ul << 10) | (3ul << 8);
    private const ulong FirstLeaf = Leaf | (1ul << 6) | (1ul << 11);
    private const ulong SecondLeaf = Leaf | (3ul << 6) | (0xful << 2);
    private const ulong AddressMask = 0x0000_ffff_ffff_f000;

    /// <summary>Makes it. Stage 2 maps everything to itself.</summary>
    /// <param name="iova">Where the range begins that stage 1 maps.</param>
    /// <param name="bytes">How long it is.</param>
    /// <param name="physical">Where it is in memory, behind the first 16 MiB, where the tables are.</param>
    public static Smmu3Model<DeviceMemory> Make(ulong iova, ulong bytes, ulong physical)
    {
        var memory = new PhysicalMemory(16 << 20, isCoherent: true);
        ulong next = Tables;
        ulong first = Take(ref next, 1);
        ulong second = Take(ref next, 2);
        for (ulong offset = 0; offset < bytes; offset += 0x1000)
        {
            Map(memory, ref next, first, iova + offset, physical + offset | FirstLeaf, level: 0);
            Map(memory, ref next, second, physical + offset, physical + offset | SecondLeaf, level: 1);
        }

        for (ulong address = 0; address < 16 << 20; address += 0x1000)
        {
            Map(memory, ref next, second, address, address | SecondLeaf, level: 1);
        }

        // 48 bits of stage 1 and 40 of stage 2, from level 1 with two tables next to each other; both record faults.
        Store(memory, Context, 16 | (1ul << 30) | (1ul << 31) | (5ul << 32) | (1ul << 41) | (1ul << 45) | (1ul << 46) | (1ul << 48), first, 0, 0x44_00ff);
        Store(
            memory,
            StreamTable + (Stream * 64),
            Context | (7 << 1) | 1,
            0,
            1 | (24ul << 32) | (1ul << 38) | (5ul << 48) | (1ul << 51) | (1ul << 58),
            second);
        var model = new Smmu3Model<DeviceMemory>(Smmu3Unit.Full, memory.DeviceView);
        model.Write64(Smmu3Register.StreamTable, StreamTable);
        model.Write32(Smmu3Register.StreamTableConfig, 6);
        model.Write32(Smmu3Register.Control0, Smmu3Register.Control.Enable);
        return model;
    }

    private static ulong Take(ref ulong next, ulong pages)
    {
        ulong table = (next + (pages << 12) - 1) / (pages << 12) * (pages << 12);
        next = table + (pages << 12);
        return table;
    }

    private static void Map(PhysicalMemory memory, ref ulong next, ulong table, ulong address, ulong leaf, int level)
    {
        bool isRoot = true;
        for (; level < 3; level++)
        {
            var place = memory.CpuView.Span(table + Offset(address, level, isRoot), 8);
            if (BinaryPrimitives.ReadUInt64LittleEndian(place) == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(place, Take(ref next, 1) | 3);
            }

            table = BinaryPrimitives.ReadUInt64LittleEndian(place) & AddressMask;
            isRoot = false;
        }

        Store(memory, table + Offset(address, level, isRoot: false), leaf);
    }

    private static ulong Offset(ulong address, int level, bool isRoot)
    {
        ulong index = address >> (12 + ((3 - level) * 9));
        return (isRoot ? index : index & 0x1ff) * 8;
    }

    private static void Store(PhysicalMemory memory, ulong address, params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(memory.CpuView.Span(address, 8), value);
            address += 8;
        }
    }
}
