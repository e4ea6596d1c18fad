using IommuKit.Domains;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>A guest's stage 1 on an SMMUv3 is read through stage 2; the model says where accesses come out.</summary>
public sealed class NestedInspectTests : IDisposable
{
    private const uint Stream = 0x10;
    private const ulong Ipa = 0x8000_0000;
    private const ulong Aarch64 = 1ul << 41;
    private const ulong Keep = (1ul << 45) | (1ul << 46) | (1ul << 47);

    private readonly Smmu3Machine _machine = (Smmu3Machine)Smmu3Kinds.All.Single(kind => kind.Name == "smmuv3-s2").Create(new MachineSettings());
    private readonly IommuDomain _domain;
    private readonly ulong _physical;
    private readonly ulong _entry;
    private readonly GuestTables _guest;

    public NestedInspectTests()
    {
        _domain = _machine.CreateDomain(new DomainOptions { PageSizes = 4096 });
        _physical = (_machine.DataStart + 0xffff_ffff) & ~0xffff_fffful;
        _domain.Map(Ipa, _physical, GuestTables.Bytes, Protection.Read | Protection.Write);
        _guest = new GuestTables(_machine.Memory, Ipa, _physical);
        _guest.Make();
        SetContext(isValid: true);
        _domain.Attach(_machine.Driver.Devices[0]);

        // Config 7, with the guest's descriptor. Nobody has asked for the stream yet.
        ulong table = _machine.Model!.Read64(Smmu3Register.StreamTable) & 0x00ff_ffff_ffff_ffc0;
        _entry = table + (Stream * Smmu3StreamEntry.Bytes);
        var words = _machine.Memory.CpuView.Span(_entry, 8);
        BitConverter.TryWriteBytes(words, Smmu3StreamEntry.Valid | (Smmu3StreamEntry.Nested << 1) | _guest.Context).ShouldBeTrue();
    }

    public void Dispose()
    {
        _domain.Dispose();
        _machine.Dispose();
    }

    [Fact]
    public void What_both_stages_map_is_what_the_model_lets_pass()
    {
        var source = Inspect().Sources.Single();
        (source.Name, source.State, source.Kind, source.Space).ShouldBe(("stream 0x10", InspectState.Translated, "stage 1 on stage 2", 7));
        source.Contents!.Mappings.ShouldBe(
        [
            new InspectMapping(GuestTables.Written, _physical + 0x5000, _physical + 0x5fff, IsReadable: true, IsWritable: true),
            new InspectMapping(GuestTables.Read, _physical + 0x6000, _physical + 0x6fff, IsReadable: true, IsWritable: false),
        ]);
        source.Contents.Tables.Select(table => table.First).Order().ShouldBe([_physical + 0x1000, _physical + 0x2000, _physical + 0x3000]);
        foreach (var mapping in source.Contents.Mappings)
        {
            Reach(mapping.Iova, isWrite: false).ShouldBe(mapping.First);
            Reach(mapping.Iova, isWrite: true).ShouldBe(mapping.IsWritable ? mapping.First : null);
        }

        Wrong(Inspect()).ShouldBeEmpty();
    }

    [Fact]
    public void A_guest_that_lets_its_device_write_its_own_tables_is_found()
    {
        _guest.Map(0x2_0000, _guest.LastTable, isWritable: true);
        Wrong(Inspect()).ShouldBe(["reach"]);
        _guest.Map(0x2_0000, _guest.LastTable, isWritable: false);
        Wrong(Inspect()).ShouldBeEmpty();
        _guest.Map(0x2_0000, _guest.Context, isWritable: true);
        var found = Inspect().Findings.Single(finding => finding.IsWrong);
        (found.Rule.Name, found.What).ShouldBe(
            ("reach", $"stream 0x10 may write context descriptors of stream 0x10 at 0x{_physical + 0x4000:x}, by IOVA 0x20000"));
    }

    [Fact]
    public void Reserved_memory_is_found_where_both_stages_lead()
    {
        var reserved = new InspectRange(_physical + 0x5800, _physical + 0x58ff, "reserved memory");
        Wrong(Inspect(reserved)).ShouldBe(["reserved"]);
        Wrong(Inspect(reserved with { First = _physical + 0x6800, Last = _physical + 0x68ff })).ShouldBeEmpty("it can only be read");
    }

    [Fact]
    public void A_table_that_stage_2_does_not_map_is_found()
    {
        _domain.Unmap(_guest.LastTable, 0x1000);
        Wrong(Inspect()).ShouldBe(["tables"]);
        Reach(GuestTables.Written, isWrite: false).ShouldBeNull();
    }

    [Fact]
    public void A_page_that_stage_2_does_not_map_is_reached_by_nobody()
    {
        _domain.Unmap(_guest.Page, 0x1000);
        var state = Inspect();
        state.Sources.Single().Contents!.Mappings.Select(mapping => mapping.Iova).ShouldBe([GuestTables.Read]);
        Wrong(state).ShouldBeEmpty();
        Reach(GuestTables.Written, isWrite: false).ShouldBeNull();
    }

    /// <summary>
    /// Both stages can multiply: blocks of the guest that each lead to the same memory, which stage 2 maps page by page, every other one.
    /// </summary>
    [Fact]
    public void What_two_stages_multiply_has_a_limit()
    {
        const ulong writableBlock = 1 | (1 << 6) | (3 << 8) | (1 << 10);
        for (ulong page = 0x10_0000; page < GuestTables.Bytes; page += 0x2000)
        {
            _domain.Unmap(Ipa + page, 0x1000);
        }

        for (ulong entry = 0; entry < 512; entry++)
        {
            _guest.Store(_guest.Root + (entry * 8), (Ipa + 0x2000) | 3);
            _guest.Store(Ipa + 0x2000 + (entry * 8), Ipa | writableBlock);
        }

        var state = Inspect();
        state.IsCut.ShouldBeTrue();
        state.Sources.Single().Contents!.Mappings.Count.ShouldBeLessThanOrEqualTo(InspectBudget.MostMappings);
        state.Findings.ShouldContain(finding => finding.Rule == InspectRule.Tables && finding.What.Contains("has no end within"));
    }

    [Fact]
    public void A_descriptor_that_is_not_valid_is_found()
    {
        SetContext(isValid: false);
        var state = Inspect();
        Wrong(state).ShouldBe(["tables"]);
        state.Blocked.ShouldBeGreaterThan(0);
    }

    private void SetContext(bool isValid)
    {
        ulong[] words =
        [
            (64 - GuestTables.InputBits) | (1ul << 30) | (isValid ? Smmu3ContextDescriptor.Valid : 0) | (2ul << 32) | Aarch64 | Keep | (7ul << 48),
            _guest.Root,
            0,
            0xff,
        ];
        for (int i = 0; i < words.Length; i++)
        {
            _guest.Store(_guest.Context + ((ulong)i * 8), words[i]);
        }
    }

    private ulong? Reach(ulong iova, bool isWrite)
    {
        var range = _machine.Model!.Translate(new Smmu3Request(Stream, iova, isWrite ? Smmu3Access.Write : Smmu3Access.Read)).Range;
        return range.IsAllowed ? range.PhysicalOf(iova) : null;
    }

    private Inspection Inspect(params InspectRange[] reserved) => Inspector.Run(MachineSnapshots.Of(_machine), InspectCatalog.All, reserved);

    private static string[] Wrong(Inspection state) =>
        [.. state.Findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule.Name).Distinct()];
}
