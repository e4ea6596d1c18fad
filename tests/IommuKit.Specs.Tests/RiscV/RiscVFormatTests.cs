using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.RiscV;

/// <summary>Entries worked out by hand from the privileged architecture. An address has its bits 55:12 at 53:10: it is shifted right by 2.</summary>
public class RiscVFormatTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>V 1, R 2, W 4, X 8, U 0x10, A 0x40, D 0x80, PBMT IO bit 62.</summary>
    [Theory]
    [InlineData(ReadWrite, 0x2000_4cdful)]
    [InlineData(Protection.Read, 0x2000_4cdbul)]
    [InlineData(Protection.Write, 0x2000_4cdful)]
    [InlineData(ReadWrite | Protection.NoExecute, 0x2000_4cd7ul)]
    [InlineData(Protection.Read | Protection.NoExecute, 0x2000_4cd3ul)]
    [InlineData(ReadWrite | Protection.Cache, 0x2000_4cdful)]
    [InlineData(ReadWrite | Protection.Mmio, 0x4000_0000_2000_4cdful)]
    public void A_page_of_either_stage(Protection protection, ulong expected)
    {
        FormatProbe.Leaf<RiscVFormat<Sv39>>(0x8001_3000, protection, 12).ShouldBe(expected);
        FormatProbe.Leaf<RiscVFormat<Sv57x4>>(0x8001_3000, protection, 12).ShouldBe(expected);
    }

    [Fact]
    public void Only_the_first_stage_has_privileged_pages()
    {
        FormatProbe.Leaf<RiscVFormat<Sv48>>(0x8001_3000, ReadWrite | Protection.Privileged, 12).ShouldBe(0x2000_4ccful);
        FormatProbe.Leaf<RiscVFormat<Sv48x4>>(0x8001_3000, ReadWrite | Protection.Privileged, 12).ShouldBe(0x2000_4cdful);
    }

    /// <summary>64 KiB: N is bit 63, and the low four bits of the PPN, at 13:10, are 8.</summary>
    [Theory]
    [InlineData(0xff_ffff_ffff_f000ul, 12, 0x003f_ffff_ffff_fcdful)]
    [InlineData(0x1234_0000ul, 16, 0x8000_0000_048d_20dful)]
    [InlineData(0x4020_0000ul, 21, 0x1008_00dful)]
    [InlineData(0x4000_0000ul, 30, 0x1000_00dful)]
    [InlineData(0x80_0000_0000ul, 39, 0x20_0000_00dful)]
    [InlineData(0x1_0000_0000_0000ul, 48, 0x4000_0000_00dful)]
    public void Leaves_of_every_size(ulong address, int size, ulong expected) =>
        FormatProbe.Leaf<RiscVFormat<Sv57>>(address, ReadWrite, size).ShouldBe(expected);

    [Fact]
    public void A_pointer_is_the_frame_and_V()
    {
        RiscVFormat<Sv39>.TableEntry(0x8001_1000, 2).ShouldBe(0x2000_4401ul);
        RiscVFormat<Sv57x4>.TableEntry(0xff_ffff_ffff_f000, 4).ShouldBe(0x003f_ffff_ffff_fc01ul);
    }

    /// <summary>From the vectors: pointers to 0x80011000 and 0x80021000, leaf of 0x80013000.</summary>
    [Fact]
    public void Entries_that_other_software_wrote_are_understood()
    {
        RiscVFormat<Sv39>.IsTable(0x2000_4401, 2).ShouldBeTrue();
        RiscVFormat<Sv39>.TableAddress(0x2000_4401).ShouldBe(0x8001_1000ul);
        RiscVFormat<Sv39x4>.TableAddress(0x2000_8401).ShouldBe(0x8002_1000ul);
        RiscVFormat<Sv39>.LeafAddress(0x2000_4cd7, 0).ShouldBe(0x8001_3000ul);
        RiscVFormat<Sv39>.LeafProtection(0x2000_4cd7, 0).ShouldBe(ReadWrite | Protection.NoExecute);
        RiscVFormat<Sv39>.LeafProtection(0x2000_4cc7, 0).ShouldBe(ReadWrite | Protection.NoExecute | Protection.Privileged);
    }

    [Fact]
    public void A_leaf_that_can_only_be_executed_is_not_a_pointer() => RiscVFormat<Sv39>.IsTable(0x2000_0049, 1).ShouldBeFalse();

    [Fact]
    public void Each_mode_has_its_name_and_sizes_and_one_root()
    {
        ShouldBe<Sv39>("riscv-sv39", 0x4021_1000, 39, 2, 9);
        ShouldBe<Sv48>("riscv-sv48", 0x80_4021_1000, 48, 3, 9);
        ShouldBe<Sv57>("riscv-sv57", 0x1_0080_4021_1000, 57, 4, 9);
        ShouldBe<Sv39x4>("riscv-sv39x4", 0x4021_1000, 41, 2, 11);
        ShouldBe<Sv48x4>("riscv-sv48x4", 0x80_4021_1000, 50, 3, 11);
        ShouldBe<Sv57x4>("riscv-sv57x4", 0x1_0080_4021_1000, 59, 4, 11);
    }

    [Fact]
    public void Only_the_first_stage_is_sign_extended()
    {
        RiscVFormat<Sv39>.SignExtendsInput.ShouldBeTrue();
        RiscVFormat<Sv39x4>.SignExtendsInput.ShouldBeFalse();
    }

    private static void ShouldBe<TMode>(string name, ulong pageSizes, int inputBits, int level, int indexBits)
        where TMode : struct, IRiscVMode
    {
        RiscVFormat<TMode>.Name.ShouldBe(name);
        RiscVFormat<TMode>.PageSizes.ShouldBe(pageSizes);
        FormatProbe.Root<RiscVFormat<TMode>>(inputBits + 1).ShouldBeNull();
        FormatProbe.Root<RiscVFormat<TMode>>(inputBits).ShouldBe((level, indexBits));
        FormatProbe.Root<RiscVFormat<TMode>>(32).ShouldBe((level, indexBits));
    }
}
