using IommuKit.Models.Dma;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>No allocation on any way that a device or a driver goes again and again, and answers that stay whole while others change the
/// caches.</summary>
public sealed class VtdSpeedTests : IDisposable
{
    private const ulong First = 0x10_0000_0000;
    private const ulong Target = 0x5000_0000;
    private const int Pages = 2048;

    private readonly VtdMachine _machine = new(VtdUnit.Server57);
    private readonly ulong _table;

    public VtdSpeedTests() => _table = _machine.NewTable();

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Hits_misses_faults_and_invalidations_allocate_nothing(bool isScalable)
    {
        if (isScalable)
        {
            _machine.BindScalable().BindPasid(0, VtdPasidType.FirstStage, 1, firstStage: _table);
        }
        else
        {
            _machine.Bind(_table);
        }

        Fill(7);
        _machine.SwitchOn(isScalable);
        _machine.Store(VtdMachine.Queue, 0x12, 0, isScalable ? 0 : 0x36ul | (1 << 16), 0);
        _machine.Store(VtdMachine.Queue + 0x20, isScalable ? 0x36ul | (1 << 16) : 0x25ul | (1ul << 32), isScalable ? First : VtdMachine.Status, 0, 0);
        Allocated.By(() => Run(isScalable ? 0x40ul : 0x30)).ShouldBe(0);
        _machine.Model.Statistics.IotlbHits.ShouldBeGreaterThan(Pages);
        _machine.Model.Statistics.IotlbMisses.ShouldBeGreaterThan(Pages);

        void Run(ulong tail)
        {
            for (ulong page = 0; page < Pages; page++)
            {
                using var access = _machine.Model.Accesses.Enter();
                _machine.Model.Translate(new DmaRequest(VtdMachine.Device, First + (page << 12), IsWrite: true));
                _machine.Model.Translate(new DmaRequest(VtdMachine.Device, First + (page << 12), IsWrite: false));
                _machine.Model.Translate(new DmaRequest(VtdMachine.Device, page, IsWrite: false));
            }

            _machine.Model.Write64(VtdRegister.QueueTail, tail);
            _machine.Model.Write64(VtdRegister.QueueTail, 0);
            _machine.Model.Write32(VtdRegister.FaultStatus, uint.MaxValue);
        }
    }

    /// <summary>
    /// Threads translate while another one moves every page back and forth between two places with all invalidations: a page is at one of the two,
    /// whole, and after the wait at the new one.
    /// </summary>
    [Fact]
    public void Translations_stay_whole_while_pages_move()
    {
        const int Few = 32;
        _machine.Bind(_table);
        Fill(3);
        _machine.SwitchOn();
        bool isOver = false;
        int wrong = 0;
        long asked = 0;
        var readers = Enumerable.Range(0, 2).Select(_ => Background.Run(() =>
        {
            var model = _machine.Model;
            for (ulong i = 0; !Volatile.Read(ref isOver); i++)
            {
                ulong iova = First + ((i % Few) << 12);
                using var access = model.Accesses.Enter();
                var answer = model.Translate(new DmaRequest(VtdMachine.Device, iova, IsWrite: true));
                ulong there = Target + ((i % Few) << 12);
                if (!answer.IsAllowed || (answer.PhysicalOf(iova) != there && answer.PhysicalOf(iova) != there + (1ul << 30)))
                {
                    Interlocked.Increment(ref wrong);
                }

                Interlocked.Increment(ref asked);
            }
        })).ToArray();
        for (int round = 1; round < 300 || Interlocked.Read(ref asked) < 10_000; round++)
        {
            ulong page = (ulong)round % Few;
            ulong place = Target + (page << 12) + (round % 2 == 0 ? 0 : 1ul << 30);
            _machine.Map(_table, 3, First + (page << 12), place | 3);
            _machine.Invalidate(VtdMachine.Iotlb(VtdGranularity.Selective, 1, First + (page << 12), hint: round % 3 != 0));
            _machine.Write(First + (page << 12)).ShouldBe(place);
        }

        Volatile.Write(ref isOver, true);
        foreach (var reader in readers)
        {
            reader.ShouldEnd();
        }

        wrong.ShouldBe(0);
    }

    private void Fill(ulong rights)
    {
        for (ulong page = 0; page < Pages; page++)
        {
            _machine.Map(_table, 3, First + (page << 12), (Target + (page << 12)) | rights);
        }
    }
}
