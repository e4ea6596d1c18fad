using System.Buffers.Binary;
using IommuKit.Checker.Iommus.Smmu3;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Tests;

/// <summary>Commands, CMD_SYNC and entries of an SMMUv3 as the checker reads them: what the architecture says, by hand.</summary>
public sealed class Smmu3DecoderTests : IDisposable
{
    private readonly Smmu3Machine _machine = (Smmu3Machine)Smmu3Kinds.All.Single(kind => kind.Name == "smmuv3")
        .Create(new MachineSettings { TablePoolStart = 1 << 20, TablePool = 1 << 20 });

    private Smmu3Decoder _decoder;
    private readonly ShadowCommands _commands = new();
    private readonly ulong _queue;
    private readonly uint _mask;
    private uint _producer;

    public Smmu3DecoderTests()
    {
        _decoder = new Smmu3Decoder(_machine, Sources);
        ulong register = _machine.Model!.Read64(Smmu3Register.CommandQueue);
        _queue = register & ~0x1ful;
        _mask = (1u << (int)(register & 0x1f)) - 1;
        _producer = _machine.Model.Read32(Smmu3Register.CommandProducer);
    }

    private IEnumerable<Smmu3Source> Sources =>
        _machine.Driver.Devices.Take(2).Select(device => new Smmu3Source(((Smmu3StreamDevice)device).StreamId));

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Invalidations_drop_what_their_fields_say_and_tables_unless_leaf()
    {
        Ring(
            Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1234_5000, asid: 5, leaf: true),
            Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x20_0000, asid: 6, granule: 1, number: 2, scale: 4),
            Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x10_0000, vmid: 7, leaf: true, granule: 3, number: 0, scale: 1),
            Smmu3Command.Drop(Smmu3CommandCode.DropAsid, asid: 8),
            Smmu3Command.Drop(Smmu3CommandCode.DropVmid, vmid: 9),
            Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropTranslations, 5, 0x1234_5000, 0x1234_5fff),
            new(ShadowCommandKind.DropTranslationsAndTables, 6, 0x20_0000, 0x20_0000 + (48 * 4096) - 1),
            new(ShadowCommandKind.DropTranslations, 7, 0x10_0000, 0x10_0000 + (2 * 65536) - 1),
            new(ShadowCommandKind.DropTranslationsAndTables, 8, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, 9, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, ShadowCommand.Every, 0, ulong.MaxValue),
        ]);
    }

    /// <summary>
    /// Under a guest's stage 1, what went by IPA has gone when what it was combined to goes behind it: not before, not by another VMID, and once.
    /// </summary>
    [Fact]
    public void Under_a_guest_an_IPA_has_gone_with_what_it_was_combined_to()
    {
        _decoder = new Smmu3Decoder(_machine, Sources, Smmu3Hardware.IsNested);
        Ring(
            Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: 7),
            Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x5000, vmid: 7, leaf: true),
            Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: 8));
        Commands.ShouldBeEmpty();
        Ring(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: 7), Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: 7));
        Commands.ShouldBe([new(ShadowCommandKind.DropTranslations, 7, 0x5000, 0x5fff)]);
    }

    /// <summary>With the erratum: issued, a CMD_SYNC, and issued again, whatever comes in between.</summary>
    [Fact]
    public void With_the_erratum_the_second_drops()
    {
        _decoder = new Smmu3Decoder(_machine, Sources, Smmu3Hardware.NeedsTwo);
        var first = Smmu3Command.Drop(Smmu3CommandCode.DropAsid, asid: 8);
        var second = Smmu3Command.Drop(Smmu3CommandCode.DropAsid, asid: 9);
        Ring(first, first, second, Smmu3Command.Sync());
        Commands.ShouldBeEmpty();
        Ring(second, first, first, Smmu3Command.DropDeviceTlb(0x20, 0x4000, 0));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropTranslationsAndTables, 9, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, 8, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropDeviceTranslations, 1, 0x4000, 0x4fff),
        ]);
    }

    [Fact]
    public void Configuration_is_dropped_by_stream()
    {
        Ring(Smmu3Command.DropStream(0x20), Smmu3Command.DropContext(0x10, 0), Smmu3Command.DropStream(0x30), Smmu3Command.DropStreams(0, 31));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropRoutes, 1, 0, ShadowCommand.Nothing),
            new(ShadowCommandKind.DropRoutes, 0, 0, ShadowCommand.Nothing),
            new(ShadowCommandKind.DropRoutes, ShadowCommand.Every, 0, ShadowCommand.Nothing),
        ]);
    }

    [Fact]
    public void A_device_drops_the_pages_of_its_own_that_it_is_told_to()
    {
        Ring(
            Smmu3Command.DropDeviceTlb(0x20, 0x1234_8000, 3),
            Smmu3Command.DropDeviceTlb(0x10, 0x4000, 0),
            Smmu3Command.DropDeviceTlb(0x10, 0, 52),
            Smmu3Command.DropDeviceTlb(0x10, 0, 52, substream: 1),
            Smmu3Command.DropDeviceTlb(0x30, 0, 52));
        Commands.ShouldBe(
        [
            new(ShadowCommandKind.DropDeviceTranslations, 1, 0x1234_8000, 0x1234_ffff),
            new(ShadowCommandKind.DropDeviceTranslations, 0, 0x4000, 0x4fff),
            new(ShadowCommandKind.DropDeviceTranslations, 0, 0, ulong.MaxValue),
        ]);
    }

    [Fact]
    public void That_commands_were_consumed_says_something_only_behind_a_sync()
    {
        Ring(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        Look();
        Commands.ShouldBeEmpty();
        Ring(Smmu3Command.Sync());
        Commands.ShouldBeEmpty();
        Look();
        Commands.Single().Kind.ShouldBe(ShadowCommandKind.Complete);
        Look();
        Commands.ShouldBeEmpty("it was told already");
    }

    [Fact]
    public void Entries_give_devices_their_address_spaces_and_those_their_roots()
    {
        using var domain = (PagingDomain)_machine.CreateDomain(new DomainOptions());
        domain.Attach(_machine.Driver.Devices[0]);
        ulong context = _decoder.Structures[3].Address;
        context.ShouldNotBe(_decoder.Structures[1].Address);
        _commands.Clear();
        _decoder.Stored(context, 0, 1, _commands);
        var commands = Commands;
        commands.Select(command => command.Kind).ShouldBe([ShadowCommandKind.StoreRoot, ShadowCommandKind.StoreRoute]);
        commands[0].First.ShouldBe(domain.RootAddress);
        commands[1].ShouldBe(new ShadowCommand(ShadowCommandKind.StoreRoute, 0, (ulong)commands[0].Subject, 0));
        domain.Detach(_machine.Driver.Devices[0]);
        _commands.Clear();
        _decoder.Stored(_decoder.Structures[1].Address, 1, 0, _commands);
        Commands.ShouldBe([new(ShadowCommandKind.StoreRoute, 0, ShadowCommand.Nothing, 0)]);
    }

    [Fact]
    public void A_queue_is_followed_over_its_end()
    {
        for (uint i = 0; i < _mask + 3; i++)
        {
            Ring(Smmu3Command.Drop(Smmu3CommandCode.DropAsid, asid: (ushort)(i & 3)));
            Commands.ShouldHaveSingleItem().Subject.ShouldBe((int)(i & 3));
        }
    }

    private ShadowCommand[] Commands => _commands.All.ToArray();

    private void Ring(params Smmu3Command[] commands)
    {
        foreach (var command in commands)
        {
            var place = _machine.Memory.CpuView.Span(_queue + ((_producer & _mask) * (ulong)Smmu3Command.Bytes), Smmu3Command.Bytes);
            BinaryPrimitives.WriteUInt64LittleEndian(place, command.Lower);
            BinaryPrimitives.WriteUInt64LittleEndian(place[8..], command.Upper);
            _producer = (_producer + 1) & ((2 * _mask) + 1);
        }

        Decode(new MaintenanceStep(MaintenanceKind.RegisterWrite, Smmu3Register.CommandProducer, _producer, default));
    }

    private void Look() => Decode(new MaintenanceStep(MaintenanceKind.RegisterRead, Smmu3Register.CommandConsumer, 0, default));

    private void Decode(in MaintenanceStep access)
    {
        _commands.Clear();
        _decoder.Decode(access, _commands);
    }
}
