using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Reset, save and restore: the state is that of the hardware, with what its caches hold.</summary>
public sealed class TegraStateTests : TegraModelFixture
{
    private static readonly TegraModelOptions Options = new() { PostedWrites = 8 };

    [Fact]
    public void What_was_stale_stays_stale()
    {
        var model = Mapped();
        Read(model, 0x1000).ShouldBe(0x20_0000ul);
        Store(Table + 4, ReadWrite | 0x300);
        byte[] state = model.Save();

        var other = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options);
        Read(other, 0x1000).ShouldBe(0x1000ul);
        other.Restore(state);
        Read(other, 0x1000).ShouldBe(0x20_0000ul);
        FlushPtc(other, Table);
        Flush(other, TegraTlbFlush.All);
        Read(other, 0x1000).ShouldBe(0x30_0000ul);
        Read(model, 0x1000).ShouldBe(0x20_0000ul);
    }

    [Fact]
    public void A_state_is_the_same_after_it_was_restored_and_after_a_reset_that_of_a_new_model()
    {
        var model = Mapped();
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        Read(model, 0x1000);
        Read(model, 0x5000).ShouldBeNull();
        model.Write32(TegraMc.PtbAsid, 7);
        byte[] state = model.Save();

        var other = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options);
        byte[] fresh = other.Save();
        other.Restore(state);
        IsSame(other.Save(), state).ShouldBeTrue();
        other.Statistics.ShouldBe(model.Statistics);

        // What was posted is posted still, and takes effect in its turn.
        other.Read32(TegraMc.PtbAsid).ShouldBe(7u);
        other.Reset();
        IsSame(other.Save(), fresh).ShouldBeTrue();
    }

    [Fact]
    public void The_interrupt_line_follows()
    {
        var levels = new List<bool>();
        var model = Mapped();
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        Read(model, 0x5000).ShouldBeNull();
        model.SettleWrites();
        model.IsInterruptRaised.ShouldBeTrue();

        var other = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options) { Interrupt = levels.Add };
        other.Restore(model.Save());
        levels.ShouldBe([true]);
        other.Reset();
        levels.ShouldBe([true, false]);
        other.IsInterruptRaised.ShouldBeFalse();
    }

    [Fact]
    public void A_state_is_for_a_model_of_the_same_kind()
    {
        byte[] state = Mapped().Save();
        Refuses(new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra124, Memory.DeviceView, Options), state);
        Refuses(new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options with { PtcSets = 32 }), state);
        Refuses(new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options with { PostedWrites = 9 }), state);
        Refuses(new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options), [.. state, 0]);
        Refuses(new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options), []);
    }

    /// <summary>Whatever the bytes are: refused, and the model as after its reset, or one that works.</summary>
    [Fact]
    public void Bytes_that_anybody_made_up_do_no_harm()
    {
        byte[] state = Mapped().Save();
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, Options);
        byte[] fresh = model.Save();
        var random = new Random(5);
        int refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            byte[] made = round % 4 == 0 ? state[..random.Next(state.Length)] : [.. state];
            for (int i = 0; i < 30 && made.Length > 0; i++)
            {
                int from = round % 3 == 0 ? 0 : 120;
                made[random.Next(Math.Min(from, made.Length - 1), made.Length)] = (byte)random.Next(256);
            }

            try
            {
                model.Restore(made);
            }
            catch (InvalidDataException)
            {
                refused++;
                IsSame(model.Save(), fresh).ShouldBeTrue();
            }

            model.SettleWrites();
            for (uint offset = 0; offset < 0x1000; offset += 0x40)
            {
                model.Read32(offset);
            }

            for (int i = 0; i < 20; i++)
            {
                model.Translate(new DmaRequest(random.Next(256), (ulong)random.NextInt64(1L << 34), IsWrite: i % 2 == 0));
            }

            Flush(model, TegraTlbFlush.All);
            FlushPtc(model, Table);
            byte[] now = model.Save();
            model.Restore(now);
            IsSame(model.Save(), now).ShouldBeTrue();
        }

        refused.ShouldBeInRange(750, 2500);
    }

    [Fact]
    public void A_reset_waits_for_accesses_under_way()
    {
        var model = Mapped();
        Background reset;
        using (model.Accesses.Enter())
        {
            Read(model, 0x1000).ShouldBe(0x20_0000ul);
            reset = Background.Run(model.Reset);
            reset.ShouldWait();
        }

        reset.ShouldEnd();
    }

    // Said so, thousands of bytes are not printed.
    private static bool IsSame(byte[] state, byte[] other) => state.AsSpan().SequenceEqual(other);

    private static void Refuses(TegraSmmuModel<DeviceMemory> model, byte[] state)
    {
        byte[] before = model.Save();
        Should.Throw<InvalidDataException>(() => model.Restore(state)).Message.ShouldStartWith("The state cannot be restored: it ");
        IsSame(model.Save(), before).ShouldBeTrue();
    }

    private TegraSmmuModel<DeviceMemory> Mapped()
    {
        Store(Directory, ReadWrite | 0x1000_0000 | (uint)(Table >> 12));
        Store(Table + 4, ReadWrite | 0x200);
        return Make(Options);
    }
}
