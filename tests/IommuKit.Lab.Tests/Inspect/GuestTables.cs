using System.Buffers.Binary;
using IommuKit.Models.Memory;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>
/// A guest's stage 1 (IHI 0487, VMSAv8-64, 4 KiB, 39 bits) by hand, at addresses between the stages: one page that can be written, one that can be read,
/// and room for a context descriptor.
/// </summary>
/// <param name="memory">The machine's memory.</param>
/// <param name="ipa">Where the guest's memory begins for the guest.</param>
/// <param name="physical">Where it is.</param>
internal sealed class GuestTables(PhysicalMemory memory, ulong ipa, ulong physical)
{
    public const ulong Bytes = 0x20_0000;
    public const ulong Written = 0x1_0000;
    public const ulong Read = 0x1_1000;
    public const int InputBits = 39;

    private const ulong Pointer = 3;
    private const ulong WritablePage = 3 | (1 << 6) | (3 << 8) | (1 << 10);
    private const ulong ReadOnly = 1 << 7;

    public ulong Root => ipa + 0x1000;

    public ulong LastTable => ipa + 0x3000;

    public ulong Context => ipa + 0x4000;

    public ulong Page => ipa + 0x5000;

    public void Make()
    {
        Store(Root, (ipa + 0x2000) | Pointer);
        Store(ipa + 0x2000, LastTable | Pointer);
        Map(Written, Page, isWritable: true);
        Map(Read, Page + 0x1000, isWritable: false);
    }

    public void Map(ulong iova, ulong to, bool isWritable) =>
        Store(LastTable + (iova >> 12 << 3), to | WritablePage | (isWritable ? 0 : ReadOnly));

    public void Store(ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(memory.CpuView.Span(address - ipa + physical, sizeof(ulong)), value);
}
