using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Linux;

/// <summary>
/// Page tables that real Linux drivers wrote, and accesses that an emulated IOMMU translated through them: the reader says the same of every one. What
/// leads from a device to its root is read here by hand.
/// </summary>
public sealed class LinuxTablesTests
{
    private const ulong AddressMask = 0x000f_ffff_ffff_f000;

    [SharedTheory]
    [InlineData("s-612-legacy")]
    [InlineData("s-612-cm39")]
    [InlineData("s-72-legacy-pt")]
    public void Vtd_second_stage(string boot) => Compare("vtd-linux", boot, atLeast: 700, (memory, registers, probe) =>
    {
        // Root entry, then context entry: 16 bytes each, P in bit 0; translation type 3:2 and width 66:64 of the context entry.
        ulong root = memory.U64((registers[0x20] & AddressMask) + (((ulong)probe.Source >> 8) * 16));
        ulong context = (root & AddressMask) + ((probe.Source & 0xff) * 16);
        ulong low = memory.U64(context);
        ulong high = memory.U64(context + 8);
        return (root & 1) == 0 || (low & 1) == 0 || ((low >> 2) & 3) == 2
            ? null
            : Read<VtdSecondStageFormat>(memory, low & AddressMask, 30 + (9 * (int)(high & 7)), 48, probe);
    });

    [SharedTheory]
    [InlineData("s-72-sm-fs")]
    public void X86_first_stage(string boot) => Compare("vtd-linux", boot, atLeast: 700, (memory, registers, probe) =>
    {
        // Scalable mode: a context entry of 32 bytes in one of two tables, a PASID directory, a PASID entry of 64 bytes. Type 8:6 = 1 is first stage.
        ulong root = (registers[0x20] & AddressMask) + (((ulong)probe.Source >> 8) * 16);
        ulong half = memory.U64(root + (((probe.Source >> 7) & 1) * 8));
        ulong context = memory.U64((half & AddressMask) + ((probe.Source & 0x7f) * 32));
        ulong directory = memory.U64(context & AddressMask);
        ulong entry = directory & AddressMask;
        ulong low = memory.U64(entry);
        ulong first = memory.U64(entry + 16);
        return (half & 1) == 0 || (context & 1) == 0 || (directory & 1) == 0 || (low & 1) == 0 || ((low >> 6) & 7) != 1
            ? null
            : Read<X86Format>(memory, first & AddressMask, ((first >> 2) & 3) == 1 ? 57 : 48, 48, probe);
    });

    [SharedTheory]
    [InlineData("s-612-amd")]
    [InlineData("s-612-amd-pt")]
    [InlineData("s-72-amd-lazy")]
    public void Amd_v1(string boot) => Compare("amdvi-linux", boot, atLeast: 700, (memory, registers, probe) =>
    {
        // Device table entries of 32 bytes: V, TV in bits 1:0, mode in 11:9, IR and IW in 62:61.
        ulong entry = memory.U64((registers[0] & AddressMask) + ((ulong)probe.Source * 32));
        int mode = (int)(entry >> 9) & 7;
        if ((entry & 3) != 3 || mode is 0 or 7)
        {
            return null;
        }

        bool mayPass = (entry >> (probe.IsWrite ? 62 : 61) & 1) != 0;
        return mayPass ? Read<AmdV1Format>(memory, entry & AddressMask, Math.Min(64, 12 + (9 * mode)), 52, probe) : new Answer(null);
    });

    [SharedTheory]
    [InlineData("s-612-strict")]
    [InlineData("s-612-16k")]
    [InlineData("s-612-s2")]
    [InlineData("s-72-16k-s2")]
    [InlineData("s-72-lazy")]
    public void Arm_both_stages(string boot) => Compare("smmuv3-linux", boot, atLeast: 700, (memory, registers, probe) =>
    {
        // A stream table of two levels, entries of 64 bytes; Config in bits 3:1 is 5 for stage 1, 6 for stage 2.
        int split = (int)(registers[0x88] >> 6) & 0x1f;
        ulong table = registers[0x80] & 0x000f_ffff_ffff_ffc0;
        ulong pointer = memory.U64(table + ((ulong)(probe.Source >> split) * 8));
        ulong stream = (pointer & 0x000f_ffff_ffff_ffc0) + ((probe.Source & ((1u << split) - 1)) * 64);
        ulong config = memory.U64(stream);
        if ((pointer & 0x1f) == 0 || (config & 1) == 0)
        {
            return null;
        }

        switch ((config >> 1) & 7)
        {
            case 5:
                ulong context = config & 0x000f_ffff_ffff_ffc0;
                ulong control = memory.U64(context);
                ulong root = memory.U64(context + 8) & 0x000f_ffff_ffff_fff0;
                int width = OutputBits((int)(control >> 32) & 7);
                return ((control >> 6) & 3) switch
                {
                    0 => Read<ArmLpae<ArmGranule4K, ArmStage1>>(memory, root, 64 - (int)(control & 0x3f), width, probe),
                    2 => Read<ArmLpae<ArmGranule16K, ArmStage1>>(memory, root, 64 - (int)(control & 0x3f), width, probe),
                    _ => throw new NotSupportedException("No boot has this granule."),
                };
            case 6:
                ulong second = memory.U64(stream + 16) >> 32;
                ulong base2 = memory.U64(stream + 24) & 0x000f_ffff_ffff_fff0;
                int width2 = OutputBits((int)(second >> 16) & 7);
                return ((second >> 14) & 3) switch
                {
                    0 => Read<ArmLpae<ArmGranule4K, ArmStage2>>(memory, base2, 64 - (int)(second & 0x3f), width2, probe),
                    2 => Read<ArmLpae<ArmGranule16K, ArmStage2>>(memory, base2, 64 - (int)(second & 0x3f), width2, probe),
                    _ => throw new NotSupportedException("No boot has this granule."),
                };
            default:
                return null;
        }
    });

    private static int OutputBits(int code) => new[] { 32, 36, 40, 42, 44, 48, 52 }[code];

    private static Answer Read<TFormat>(MemoryView memory, ulong root, int inputBits, int outputBits, Probe probe)
        where TFormat : struct, IPageTableFormat
    {
        var step = new PageTableReader<TFormat, CallbackMemory>(memory.Memory, root, inputBits, outputBits).Walk(probe.Iova);
        var needed = probe.IsWrite ? Protection.Write : Protection.Read;
        return new Answer(step.End == WalkEnd.Page && (step.Rights & needed) != 0 ? step.PhysicalAddress : null);
    }

    private static void Compare(string platform, string boot, int atLeast, Func<MemoryView, Dictionary<ulong, ulong>, Probe, Answer?> read)
    {
        int compared = 0;
        int reached = 0;
        var different = new List<string>();
        Snapshots.Visit(platform, boot, (name, memory, registers, probes) =>
        {
            foreach (var probe in probes)
            {
                if (read(new MemoryView(memory), registers, probe) is not { } answer)
                {
                    continue;
                }

                compared++;
                reached += answer.PhysicalAddress is null ? 0 : 1;
                ulong? expected = probe.IsDeviation ? null : probe.PhysicalAddress;
                if (answer.PhysicalAddress != expected)
                {
                    different.Add($"{name}: {probe.Line} here: {answer.PhysicalAddress:x}");
                }
            }
        });
        different.ShouldBeEmpty();
        compared.ShouldBeGreaterThan(atLeast);
        reached.ShouldBeGreaterThan(atLeast / 3);
    }

    private readonly record struct Answer(ulong? PhysicalAddress);

    private readonly struct MemoryView(CallbackMemory memory)
    {
        public CallbackMemory Memory { get; } = memory;

        public ulong U64(ulong address)
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            Memory.TryRead(address, bytes);
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        }
    }
}
