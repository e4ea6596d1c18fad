using System.Buffers.Binary;
using IommuKit.Checker.Iommus.Vtd;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Tests;

/// <summary>Descriptors, waits and context entries of a VT-d unit as the checker reads them: what the architecture says, by hand.</summary>
public sealed class VtdDecoderTests : IDisposable
{
    private readonly VtdMachine _machine = VtdMachine.Create(VtdUnit.Client39, new MachineSettings { TablePoolStart = 1 << 20, TablePool = 1 << 20 });
    private readonly VtdDecoder _decoder;
    private readonly ShadowCommands _commands = new();
    private readonly ulong _queue;
    private ulong _tail;

    public VtdDecoderTests()
    {
        _decoder = new VtdDecoder(_machine, _machine.Driver.Devices.Take(2).Select((device, number) => VtdSource.Of(device, null, number)));
        _queue = _machine.Model!.Read64(VtdRegister.QueueAddress) & ~0xffful;
        _tail = _machine.Model.Read64(VtdRegister.QueueTail);
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Blocks_drop_what_their_mask_says_and_tables_unless_hinted()
    {
        Ring(
            VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, 5, 0x1234_5000, addressMask: 3, hint: true),
            VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, 6, 0x8000),
            VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, 7),
            VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Global));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropTranslations, 5, 0x1234_0000, 0x1234_7fff),
            new(ShadowCommandKind.DropTranslationsAndTables, 6, 0x8000, 0x8fff),
            new(ShadowCommandKind.DropTranslationsAndTables, 7, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, ShadowCommand.Every, 0, ulong.MaxValue),
        ]);
    }

    /// <summary>A wait is the end of what came before only if accesses under way are waited for, which a later invalidation may ask for.</summary>
    [Fact]
    public void A_wait_behind_an_invalidation_without_a_drain_completes_nothing()
    {
        const ulong drains = 3 << 6;
        var drop = VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, 7);
        Ring(drop with { Qw0 = drop.Qw0 & ~drains }, VtdInvalidationDescriptor.CompletionWait(0x1000, 5));
        Look(0x1000, 5);
        Commands.ShouldNotContain(command => command.Kind == ShadowCommandKind.Complete);
        Ring(drop, VtdInvalidationDescriptor.CompletionWait(0x1000, 6));
        Look(0x1000, 6);
        Commands.ShouldContain(command => command.Kind == ShadowCommandKind.Complete);
    }

    [Fact]
    public void Context_invalidations_name_a_device_and_the_domain_that_is_remembered()
    {
        Ring(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Selective, 5, 0x0010));
        Commands.ShouldBe([new(ShadowCommandKind.DropRoutes, 0, 5, 5)]);
        Ring(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Selective, 5, 0x0100));
        Commands.ShouldBeEmpty("it is not one of the devices that are looked at");
        Ring(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Global));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropRoutes, 0, 0, ShadowCommand.Nothing),
            new(ShadowCommandKind.DropRoutes, 1, 0, ShadowCommand.Nothing),
        ]);
    }

    [Fact]
    public void A_wait_is_over_when_its_word_is_looked_at_for_its_number()
    {
        Ring(VtdInvalidationDescriptor.CompletionWait(0x9000, 17));
        Commands.ShouldBeEmpty();
        Look(0x9004, 17);
        Commands.ShouldBeEmpty("another word");
        Look(0x9000, 16);
        Commands.ShouldBeEmpty("another number");
        Look(0x9000, 17);
        Commands.Single().Kind.ShouldBe(ShadowCommandKind.Complete);
    }

    [Fact]
    public void Context_entries_give_devices_their_domains_and_domains_their_roots()
    {
        using var domain = (PagingDomain)_machine.CreateDomain(new DomainOptions());
        domain.Attach(_machine.Driver.Devices[0]);
        ulong context = _decoder.Structures[2].Address;
        _commands.Clear();
        _decoder.Stored(context, 0, 1, _commands);
        var commands = Commands;
        commands.Select(command => command.Kind).ShouldBe([ShadowCommandKind.StoreRoot, ShadowCommandKind.StoreRoute]);
        commands[0].First.ShouldBe(domain.RootAddress);
        commands[1].ShouldBe(new ShadowCommand(ShadowCommandKind.StoreRoute, 0, (ulong)commands[0].Subject, 0));
        domain.Detach(_machine.Driver.Devices[0]);
        _commands.Clear();
        _decoder.Stored(context, 1, 0, _commands);
        Commands.ShouldBe([new(ShadowCommandKind.StoreRoute, 0, ShadowCommand.Nothing, 0)]);
    }

    /// <summary>An old root is used as long as hardware remembers an entry with it, and not afterwards.</summary>
    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void The_old_root_of_a_domain_is_held_until_the_entry_is_dropped(bool isDropped, bool isHeld)
    {
        var pages = new TrackedPages<VtdSecondStageFormat>([0x1000], 39, 39, 1 << 20, 64 << 10);
        var traits = new ShadowTraits { HasCoherentWalk = true, CachesInvalidEntries = false, CachesAbsentRoutes = false };
        var hardware = new ShadowHardware<VtdSecondStageFormat>(pages, traits, spaces: 3, devices: 1);
        var state = hardware.FirstState();
        hardware.Apply(state, new(ShadowCommandKind.StoreRoot, 2, 1 << 20, 0));
        hardware.Apply(state, new(ShadowCommandKind.StoreRoute, 0, 2, 0));
        state.HeldRoutes[0].ShouldBe(1ul << 2, "that there was none is not remembered");
        hardware.Apply(state, new(ShadowCommandKind.StoreRoute, 0, ShadowCommand.Nothing, 0));
        if (isDropped)
        {
            hardware.Apply(state, new(ShadowCommandKind.DropRoutes, 0, 2, 2));
        }

        hardware.Apply(state, new(ShadowCommandKind.StoreRoot, 2, (1 << 20) + 4096, 0));
        (state.OldRoots[2] == 1 << 20).ShouldBe(isHeld);
    }

    private ShadowCommand[] Commands => _commands.All.ToArray();

    private void Ring(params VtdInvalidationDescriptor[] descriptors)
    {
        foreach (var descriptor in descriptors)
        {
            var place = _machine.Memory.CpuView.Span(_queue + _tail, VtdInvalidationDescriptor.Bytes);
            BinaryPrimitives.WriteUInt64LittleEndian(place, descriptor.Qw0);
            BinaryPrimitives.WriteUInt64LittleEndian(place[8..], descriptor.Qw1);
            _tail = (_tail + VtdInvalidationDescriptor.Bytes) & 0xfff;
        }

        _commands.Clear();
        _decoder.Decode(new MaintenanceStep(MaintenanceKind.RegisterWrite, VtdRegister.QueueTail, _tail, default), _commands);
    }

    private void Look(ulong word, uint number)
    {
        _commands.Clear();
        _decoder.Decode(new MaintenanceStep(MaintenanceKind.StatusRead, word, number, default), _commands);
    }
}
