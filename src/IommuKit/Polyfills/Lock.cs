#if !NET9_0_OR_GREATER
// What the framework has since .NET 9, as far as it is used here, so that all locks are written alike.
namespace System.Threading;

internal sealed class Lock
{
    private readonly object _monitor = new();

    public void Enter() => Monitor.Enter(_monitor);

    public bool TryEnter() => Monitor.TryEnter(_monitor);

    public void Exit() => Monitor.Exit(_monitor);

    public Scope EnterScope()
    {
        Enter();
        return new Scope(this);
    }

    public readonly ref struct Scope(Lock entered)
    {
        public void Dispose() => entered.Exit();
    }
}
#endif
