using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Walks of the model by itself, with tables written by hand.</summary>
public sealed class TegraModelTests : TegraModelFixture
{
    [Fact]
    public void After_reset_everything_passes_untranslated()
    {
        var model = Make(isOn: false);
        var translation = model.Translate(new DmaRequest(Client, 0x1234_5678, IsWrite: true));
        translation.IsAllowed.ShouldBeTrue();
        translation.PhysicalOf(0x1234_5678).ShouldBe(0x1234_5678ul);
        model.Read32(TegraMc.SmmuConfig).ShouldBe(0u);
    }

    [Fact]
    public void A_client_is_translated_only_if_all_three_switches_are_on()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 0 });
        Read(model, 0x4000_0000).ShouldBeNull();
        model.Write32(0x234, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);
        model.Write32(0x234, 1 << 12);
        model.Write32(0x284, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);
        model.Write32(0x284, 0x8000_0005);
        Read(model, 0x4000_0000).ShouldBeNull();
        model.Write32(TegraMc.SmmuConfig, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);

        // The walker itself and the CPU have no switch.
        model.Write32(TegraMc.SmmuConfig, 1);
        model.Translate(new DmaRequest(0x00, 0x4000_0000, IsWrite: false)).IsAllowed.ShouldBeTrue();
        model.Translate(new DmaRequest(0x39, 0x4000_0000, IsWrite: true)).IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public void A_walk_goes_through_directory_and_table()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table + (0x23 * 4), ReadWrite | 0x3_4567);
        var translation = model.Translate(new DmaRequest(Client, 0x4002_3abc, IsWrite: true));
        translation.IsAllowed.ShouldBeTrue();
        translation.Iova.ShouldBe(0x4002_3000ul);
        translation.Length.ShouldBe(4096ul);
        translation.Rights.ShouldBe(Protection.Read | Protection.Write);
        translation.PhysicalOf(0x4002_3abc).ShouldBe(0x3456_7abcul);
        translation.BytesFrom(0x4002_3abc).ShouldBe(0x544ul);
        Read(model, 0x4002_4000).ShouldBeNull();
    }

    [Fact]
    public void A_directory_entry_without_next_is_a_section()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), ReadWrite | 0x20_0400);
        Read(model, 0x4000_0000).ShouldBe(0x2_0040_0000ul);
        Read(model, 0x403f_f123).ShouldBe(0x2_007f_f123ul);
        Read(model, 0x4040_0000).ShouldBeNull();
    }

    /// <summary>What root, directory and page grant is combined; each level alone can take a right away.</summary>
    [Theory]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xe000_0000u, true, true, true)]
    [InlineData(0xa000_0000u, 0xf000_0000u, 0xe000_0000u, true, false, true)]
    [InlineData(0xe000_0000u, 0x7000_0000u, 0xe000_0000u, false, true, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xa000_0000u, true, false, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0x2000_0000u, false, false, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xc000_0000u, false, false, false)]
    public void Rights_are_checked_at_every_level(uint root, uint directory, uint page, bool canRead, bool canWrite, bool isNonSecure)
    {
        var model = Make(root: root);
        Store(Directory + (0x100 * 4), directory | (uint)(Table >> 12));
        Store(Table, page | 0x1_0000);
        model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: false)).IsAllowed.ShouldBe(canRead);
        model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: true)).IsAllowed.ShouldBe(canWrite);
        if (!isNonSecure)
        {
            model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: true, IsSecure: true)).IsAllowed.ShouldBeTrue();
        }
    }

    [Fact]
    public void Iovas_above_32_bits_need_a_wide_group_and_use_its_other_address_spaces()
    {
        var model = Make(new TegraModelOptions { WideSwgroups = new HashSet<string> { "vic" } });
        model.Write32(0x284, 0x8000_0605);
        model.Write32(TegraMc.PtbAsid, 6);
        model.Write32(TegraMc.PtbData, ReadWrite | (uint)(Directory >> 12));
        model.SettleWrites();
        Store(Directory + (0x100 * 4), ReadWrite);
        model.Translate(new DmaRequest(Client, 0x1_4000_0123, IsWrite: false)).PhysicalOf(0x1_4000_0123).ShouldBe(0x123ul);
        model.Translate(new DmaRequest(Client, 0x4_0000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        new TegraFaultStatus(model.Read32(TegraMc.ErrStatus)).AddressHigh.ShouldBe(0u);

        var narrow = Make();
        narrow.Translate(new DmaRequest(Client, 0x1_4000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        new TegraFaultStatus(narrow.Read32(TegraMc.ErrStatus)).AddressHigh.ShouldBe(1u);
    }

    [Fact]
    public void An_emulator_can_bring_its_own_memory()
    {
        var own = new OwnMemory();
        own.Words[Directory + (0x100 * 4)] = ReadWrite | 0x400;
        var model = new TegraSmmuModel<CallbackMemory>(TegraSoc.Tegra210, new CallbackMemory(own));
        SwitchOn(model, ReadWrite);
        model.Translate(new DmaRequest(Client, 0x4000_0010, IsWrite: false)).PhysicalOf(0x4000_0010).ShouldBe(0x40_0010ul);
        own.Reads.ShouldBeGreaterThan(0);
    }

    private sealed class OwnMemory : IMemoryAccessor
    {
        public Dictionary<ulong, uint> Words { get; } = [];

        public int Reads { get; private set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            Reads++;
            for (int i = 0; i < destination.Length; i += 4)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(destination[i..], Words.GetValueOrDefault(physicalAddress + (ulong)i));
            }

            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }
}
