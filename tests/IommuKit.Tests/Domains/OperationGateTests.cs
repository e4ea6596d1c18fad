using System.Runtime.CompilerServices;
using IommuKit.Sync;

namespace IommuKit.Tests.Domains;

/// <summary>What is under way in a domain, and what waits for its end.</summary>
public class OperationGateTests
{
    private readonly OperationGate _gate = new();
    private readonly OperationGate _other = new();

    [Fact]
    public void A_closed_domain_begins_nothing_until_it_is_open_again()
    {
        _gate.Close();
        Should.Throw<ObjectDisposedException>(() => _gate.Enter());
        Should.Throw<ObjectDisposedException>(() => _gate.Enter());

        _gate.Reopen();

        _gate.Exit(_gate.Enter());
    }

    [Fact]
    public void An_operation_of_another_domain_does_not_end_the_one_that_it_is_in()
    {
        var operation = _gate.Enter();
        _other.Exit(_other.Enter());

        Should.Throw<InvalidOperationException>(_gate.Close);

        _gate.Exit(operation);
        _gate.Close();
    }

    [Fact]
    public void A_refused_operation_of_another_domain_does_not_end_the_one_that_it_is_in()
    {
        _other.Close();
        var operation = _gate.Enter();
        Should.Throw<ObjectDisposedException>(() => _other.Enter());

        Should.Throw<InvalidOperationException>(_gate.Close);

        _gate.Exit(operation);
        _other.Close();
    }

    [Fact]
    public void What_waits_for_the_end_is_all_done_though_some_of_it_throws()
    {
        List<int> done = [];
        var operation = _gate.Enter();
        OperationGate.TryLeaveToEnd(() => throw new IOException("first")).ShouldBeTrue();
        OperationGate.TryLeaveToEnd(() => done.Add(2)).ShouldBeTrue();
        OperationGate.TryLeaveToEnd(() => throw new TimeoutException("third")).ShouldBeTrue();
        OperationGate.TryLeaveToEnd(() => done.Add(4)).ShouldBeTrue();

        Should.Throw<IOException>(() => _gate.Exit(operation));
        done.ShouldBe([2, 4]);
    }

    [Fact]
    public void A_domain_closes_after_the_operations_of_other_threads()
    {
        var operation = _gate.Enter();
        var closing = StartClosing(_gate);
        _gate.Exit(operation);
        closing.Join();
    }

    [Fact]
    public void A_domain_closes_after_its_operations_within_those_of_others()
    {
        var operation = _gate.Enter();
        var nested = _other.Enter();
        var closing = StartClosing(_other);
        _other.Exit(nested);
        closing.Join();
        _gate.Exit(operation);
    }

    [Fact]
    public void A_thread_that_is_in_nothing_leaves_nothing_to_the_end()
    {
        _gate.Exit(_gate.Enter());
        OperationGate.TryLeaveToEnd(() => { }).ShouldBeFalse();
    }

    [Fact]
    public void What_is_left_to_the_end_is_done_once_and_after_all_that_is_under_way()
    {
        int done = 0;
        Action count = () => done++;
        var operation = _gate.Enter();
        OperationGate.TryLeaveToEnd(count).ShouldBeTrue();
        OperationGate.TryLeaveToEnd(count).ShouldBeTrue();
        OperationGate.BeginWork();
        OperationGate.BeginWork();
        OperationGate.EndWork();
        OperationGate.EndWork();
        _other.Exit(_other.Enter());
        done.ShouldBe(0);

        _gate.Exit(operation);
        done.ShouldBe(1);

        _gate.Exit(_gate.Enter());
        done.ShouldBe(1);
    }

    [Fact]
    public void It_waits_for_work_around_an_operation_too()
    {
        int done = 0;
        OperationGate.BeginWork();
        OperationGate.BeginWork();
        OperationGate.TryLeaveToEnd(() => done++).ShouldBeTrue();
        _gate.Exit(_gate.Enter());
        OperationGate.EndWork();
        done.ShouldBe(0);

        OperationGate.EndWork();
        done.ShouldBe(1);
    }

    [Fact]
    public void A_thread_waits_to_become_known() => HeldLock.ShouldStop(Registration(null), () => _gate.Exit(_gate.Enter()));

    /// <summary>Closes on another thread, which has to wait.</summary>
    private static Thread StartClosing(OperationGate gate)
    {
        var thread = new Thread(gate.Close) { IsBackground = true };
        thread.Start();
        SpinWait.SpinUntil(() => !thread.IsAlive || (thread.ThreadState & ThreadState.WaitSleepJoin) != 0);
        thread.IsAlive.ShouldBeTrue("It should have waited.");
        return thread;
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "Registration")]
    private static extern ref Lock Registration(OperationGate? gate);
}
